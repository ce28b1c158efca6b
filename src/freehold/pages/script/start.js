// Begins the page that this is.

const root = document.getElementById("review");
if (root) {
  const worker = new Worker(root);
  worker.fields = JSON.parse(root.dataset.fields);
  const page = root.dataset.page === "table" ? new TablePage(worker) : new ItemPage(worker);
  page.begin().catch((error) => complain(error.message));
}
