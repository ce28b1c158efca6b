"""What each package gives to others, name by name: a change here is a change of the contract."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import pytest

import freehold

NAMES = {
    "freehold": "Answer FreeholdError Model Prediction Release Task Verdict load load_task run",
    "freehold.app": "",
    "freehold.app.cli": "app main",
    "freehold.app.clients": "Language Subject file_name is_generated usage write_client",
    "freehold.compress": "PARITY shrink",
    "freehold.data": """
        BadRow Fetching Likeness Place Refused Row SOURCES SourceKind Table collect fetch_sites find_clusters
        find_kept find_pairs fingerprint jaccard read_rows shingles
    """,
    "freehold.data.web": """
        Address Archive BadUrlError Bounds Connections Entry Feed Identity Licence Reservation Scope Signals
        Tally Url Visit canonical crawl name_licence read_feed refuse_address
    """,
    "freehold.data.scale": """
        Benchmark Clusters KINDS Keep Leak LeakCount Leaks Means Progress Report
        Scheme deduplicate find_leaks find_near read_benchmark
    """,
    "freehold.engine": """
        Accepts Base CARD COVERAGE CUTTABLE Chain DESCRIPTION Description ENCODER_FILES Encoded Encoder Explained
        Explanation GRAPH Gathered Grain Grams HEADS HELD Head Heads HeldOut Limits MIDDLE MINILM_DIGEST
        MisplacedSpanError Moved NEVER NGRAMS Nested Ngrams Opened PACKS Part Pooling RANDOM_FEATURES REACH
        RandomFeatures Reader Reading RemoteFault RemoteLimits RemoteModel RemoteOutcome RemoteQuestion
        RemoteReply RemoteRequest Run SKETCH_COLUMNS STATIC Scope SideBySide Sketch Span SpanAnswer Sparse
        StaticTier TAGS TUNED TagHead TokenVectors Tokenizer Usage Vectoriser Which Windows Word WordGrams
        adapter_identity answer_rows best_path by_length choose_grain copy_encoder count_tags decode_spans
        encode_spans encode_texts encoder_identity explain field_labels find_base find_chains find_graph
        find_limits find_nested find_parts fit_value graph_home in_parts is_sealed join_inputs load_adapter
        load_encoder load_grams load_heads load_held_out load_static load_tags load_tokenizer load_tuned
        lora_targets margins name_base open_folder open_graph open_reader pad path_score pause_before place_spans
        pool pool_words read_settings read_texts restore_spans run_encoder save_adapter save_changed save_heads
        save_held_out save_static save_tags softmax split split_words sum_paths surroundings to_probabilities
        token_ranges total_score tuned_identity write_description write_request
    """,
    "freehold.errors": """
        CheckError DataError FreeholdError IntegrityError MissingExtraError Mistake
        NotFoundError OperatorError PluginError StorageError TaskFileError UserError
    """,
    "freehold.feedback": "Receipt Rejected accept fit_values withdraw",
    "freehold.gate": """
        Champion Pair Pairs compare contrast decide judge mcnemar measure pair_up paired_difference wilson
    """,
    "freehold.label": "annotate synthesise",
    "freehold.label.synthesis": """
        Confusion Draft GENERATORS Generator Ground LEAK Likeness Prompt Refusals SOURCE Sieve Spending Writer
        Writers Written prompting rewriting swapping synthesise templates
    """,
    "freehold.label.crowd": """
        Agreement Annotation Coefficient Confusion Consensus DawidSkene Expert FieldAgreement Level METHODS Means
        Method NOT_MARKED Outcome SMOOTHINGS Settled Smoothing TIE_RULES TieRule Vote Votes Weights alpha cohen
        dawid_skene find_confusions fleiss majority measure_agreement measure_experts measure_on_gold read_votes
        settle tabulate
    """,
    "freehold.label.panel": "measure propose",
    "freehold.label.teach": """
        Estimate Saying Survey Surveyed Taught estimate is_taught survey teach teachers_state watch
    """,
    "freehold.line": """
        Collected Explainer LocalRunner Model Nearest Neighbour Planned Reasons Runner STAGES StageRun Tell
        TurnRecord champion collect_data estimate_teachers load open_model open_state plan run run_turn
        state_folder survey_teachers switch_off thread_count turn
    """,
    "freehold.pages": """
        Earlier Inventory Reviewing Step Table draw_cost draw_funnel draw_reliability draw_risk_coverage
        draw_shares find_earlier html_list html_pair html_table lay_out list_releases moment policy review_policy
        review_script tabulate take take_release write_data_page write_review_page write_signin_page
    """,
    "freehold.plugins": "Plugins",
    "freehold.reason": "",
    "freehold.label.queue": """
        HELD_REASON Ordered Pick Pool STRATEGIES Strategy cover interleave pick_covering pick_random
        pick_uncertain pick_worth put_in_order
    """,
    "freehold.registry": """
        Account Answered Asking Assignment AssignmentKind Blind Blobs Budget Claim Experts Feedback Found
        Frontier FrontierCounts FrontierState KeptReply Key KeyScope LedgerRow Listed MOST_SECONDS MadeKey
        Outcome Recorded RecordedRequest Registry Replies Review Said Shown Spent Taken Undone
        Verification Waiting key_id reckon row_name secret_hash standing
    """,
    "freehold.serve": """
        Explainer OpenReader REPLICAS Reader Served Settings Trial create_app serve serve_replicas try_upstreams
    """,
    "freehold.data.cleaning": """
        Bar Change Chunk Cleaned Cleaning DOCUMENTS Dropped ENGLISH Finding Ledger LineCounts Mode Moved MovedSpan
        Offsets PII Passage PiiFinder ROWS RULES Rule STEPS Sample Settings Tally VERSION Words cut_chunks
        fold_words is_word list_steps move_spans tell_language
    """,
    "freehold.data.documents": "DOCUMENT_ENDINGS Document DocumentReader UnreadableError find_format",
    "freehold.task": """
        ARTIFACT_METRICS ASKABLE_KINDS Answer Artifact Comparison Contrast Crawl DataRules Desk EFFORTS
        ERROR_GIVEN_ANSWER EXTRA_ERROR Effort Event Example Examples FIELD_KINDS Field FieldKind Goal Json
        Judgement LABEL_KINDS Label LabelledExamples METRICS Measured Metrics Order PIECE Passport
        Prediction Price Refused Release Result ReviewRules Routing SMALLER_IS_BETTER SPLITS Share Source
        Split Stage SynthesisRules TASK_FILE TEMPLATES TIERED_KINDS Task Teacher TeacherKind Teaching Told
        TrainedModel Upstream Use Value Verdict Weighed canonical digest example_id file_digest find_orders
        folder_digest folder_files headline_first input_schema load_task name_unit nearest normalise
        output_schema read_examples reading_once shift stage suggest task_from_models wilson_bounds
        write_examples
    """,
    "freehold.train": "fit weigh",
}

INNER = {"freehold.registry.migrations", "freehold.registry.migrations.versions"}
"""Packages that Alembic wants and nobody imports from."""


@pytest.mark.parametrize("package", NAMES)
def test_names_are_pinned(package: str) -> None:
    module = import_module(package)
    assert sorted(module.__all__) == NAMES[package].split()
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None


def test_no_package_is_forgotten() -> None:
    found = {module.name for module in pkgutil.walk_packages(freehold.__path__, "freehold.") if module.ispkg}
    assert found - INNER <= set(NAMES)


def test_the_package_itself_is_lazy_and_complete() -> None:
    assert set(freehold.__all__) <= set(dir(freehold))
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        freehold.nonsense  # noqa: B018
