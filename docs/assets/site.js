/* Code that is but commands may wrap on a narrow screen (site.css); tables of text may not. */
const begins = /^(#|\$ |catdog |cd |cp |curl |docker |git |make|mkdir |pip |python |source |tensorboard |torchrun |unzip )/;
for (const code of document.querySelectorAll("pre > code")) {
  const lines = code.textContent.split("\n").filter((line) => line.trim());
  if (lines.every((line) => begins.test(line))) code.parentElement.classList.add("command");
}
