// A textarea with numbered lines: the lines of faults are marked, and the list below leads to them.
(() => {
  class Editor {
    constructor(box) {
      this.kind = box.dataset.text;
      this.area = box.querySelector("textarea");
      this.gutter = box.querySelector(".gutter");
      this.bands = box.querySelector(".bands");
      this.marks = [];
      this.area.addEventListener("input", () => this.number());
      this.area.addEventListener("scroll", () => this.follow());
      this.area.addEventListener("keydown", (event) => {
        if (event.key !== "F8" || !this.marks.length) return;
        event.preventDefault();
        this.next(event.shiftKey ? -1 : 1);
      });
      box.addEventListener("click", (event) => {
        const fault = event.target.closest(".fault");
        if (fault) this.go(Number(fault.dataset.line), Number(fault.dataset.column));
      });
      this.number();
    }

    get lineHeight() {
      return parseFloat(getComputedStyle(this.area).lineHeight);
    }

    set text(text) {
      this.area.value = text;
      this.area.scrollTop = 0;
      this.area.setSelectionRange(0, 0);
      this.marks = [];
      this.number();
    }

    number() {
      const count = this.area.value.split("\n").length;
      const wrong = new Set(this.marks.map(({ line }) => line));
      const lines = document.createDocumentFragment();
      for (let line = 1; line <= count; line++) {
        if (wrong.has(line)) {
          const mark = document.createElement("b");
          mark.textContent = `● ${line}`;
          lines.append(mark, "\n");
        } else lines.append(`${line}\n`);
      }
      this.gutter.replaceChildren(lines);
      const height = this.lineHeight;
      this.bands.replaceChildren(...[...wrong].filter((line) => line <= count).map((line) => {
        const band = document.createElement("div");
        band.style.top = `${(line - 1) * height}px`;
        band.style.height = `${height}px`;
        return band;
      }));
      this.follow();
    }

    follow() {
      this.gutter.scrollTop = this.area.scrollTop;
      this.bands.style.transform = `translateY(${-this.area.scrollTop}px)`;
    }

    mark(faults) {
      this.marks = faults.filter(({ line }) => line > 0);
      this.area.setAttribute("aria-invalid", faults.length ? "true" : "false");
      this.number();
    }

    next(step) {
      const before = this.area.value.slice(0, this.area.selectionStart);
      const here = before.split("\n").length;
      const lines = [...this.marks].sort((a, b) => a.line - b.line || a.column - b.column);
      const found = step > 0
        ? lines.find(({ line }) => line > here) ?? lines[0]
        : lines.findLast(({ line }) => line < here) ?? lines.at(-1);
      this.go(found.line, found.column);
    }

    go(line, column) {
      const lines = this.area.value.split("\n");
      const at = Math.min(Math.max(line, 1), lines.length) - 1;
      const start = lines.slice(0, at).reduce((sum, text) => sum + text.length + 1, 0);
      const from = Math.min(Math.max(column - 1, 0), lines[at].length);
      const word = /^[\w.-]+/.exec(lines[at].slice(from))?.[0].length ?? 0;
      this.area.focus();
      this.area.setSelectionRange(start + from, start + from + word);
      this.area.scrollTop = Math.max(0, (at - 4) * this.lineHeight);
      this.area.scrollLeft = 0;
      this.follow();
    }
  }

  window.editors = Object.fromEntries(
    [...document.querySelectorAll(".editor")].map((box) => [box.dataset.text, new Editor(box)]),
  );
})();
