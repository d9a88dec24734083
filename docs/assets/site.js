/* Code that is but commands may wrap on a narrow screen (site.css); tables of text may not. */
const begins = /^(#|\$ |catdog |cd |cp |curl |docker |for \w+ in |git |make|mkdir |mlflow |pip |python |source |tensorboard |torchrun |unzip |[A-Z_]+=\S+ )/;
for (const code of document.querySelectorAll("pre > code")) {
  const lines = code.textContent.split("\n").filter((line) => line.trim());
  if (lines.every((line) => begins.test(line))) code.parentElement.classList.add("command");
}

/* Browsers would break a line within a flag, behind its hyphens. */
for (const code of document.querySelectorAll("pre.command > code, :not(pre) > code")) {
  code.innerHTML = code.innerHTML.replace(/(?<=^|\s|>)--?\w[\w-]*/g, '<span class="flag">$&</span>');
}
