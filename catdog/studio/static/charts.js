// Curves: charts as the studio's JSON gives them, drawn as SVG, renewed while a run trains.
(() => {
  const WIDTH = 560, HEIGHT = 300, LEFT = 58, RIGHT = 12, TOP = 10, BOTTOM = 30;
  const COLORS = 8;
  const SMOOTH = [["as it is", 0], ["a little", 0.6], ["more", 0.85], ["much", 0.95]];

  const svg = (name, attributes = {}, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const html = (name, properties = {}) => Object.assign(document.createElement(name), properties);

  // ticks at 1, 2 and 5 times powers of ten; on a logarithmic axis at the powers
  const ticks = (low, high, log) => {
    if (log) {
      const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
      if (last - first >= 1) {
        const step = Math.ceil((last - first) / 5);
        return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => 10 ** (first + i * step));
      }
    }
    const span = high - low || Math.abs(high) || 1;
    const rough = span / 5, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * ([1, 2, 5, 10].find((each) => each * power >= rough * 0.999));
    const found = [];
    for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) found.push(at * step);
    return found;
  };

  const short = (value) => {
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e6 || size < 1e-4) return value.toExponential(1).replace("e+", "e");
    return size >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(4)));
  };

  // an exponential mean that gives the first values no more weight than the others
  const smoothed = (values, weight) => {
    let sum = 0, norm = 0;
    return values.map((value) => {
      if (value === null) return null;
      sum = weight * sum + (1 - weight) * value;
      norm = weight * norm + (1 - weight);
      return sum / norm;
    });
  };

  class Chart {
    constructor(place, key) {
      this.key = key;
      this.hidden = new Set();
      this.smooth = 0;
      this.log = null;
      this.figure = html("figure", { className: "chart" });
      this.head = html("header");
      this.title = html("h3");
      this.choices = html("div", { className: "actions" });
      this.head.append(this.title, this.choices);
      this.picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", tabindex: "0" });
      this.legend = html("div", { className: "legend" });
      this.figure.append(this.head, this.picture, this.legend);
      place.append(this.figure);
      this.picture.addEventListener("pointermove", (event) => this.point(event));
      this.picture.addEventListener("pointerleave", () => this.read(null));
      this.picture.addEventListener("keydown", (event) => this.step(event));
      this.addChoices();
    }

    addChoices() {
      const scale = html("label", { textContent: "logarithmic " });
      this.scaleBox = html("input", { type: "checkbox" });
      this.scaleBox.addEventListener("change", () => { this.log = this.scaleBox.checked; this.draw(); });
      scale.prepend(this.scaleBox);
      const mean = html("label", { textContent: "smooth" });
      const select = html("select");
      for (const [name, weight] of SMOOTH) select.append(html("option", { textContent: name, value: weight }));
      select.addEventListener("change", () => { this.smooth = Number(select.value); this.draw(); });
      mean.append(select);
      this.choices.append(scale, mean);
    }

    update(data) {
      this.data = data;
      if (this.log === null) this.log = data.log;
      this.scaleBox.checked = this.log;
      this.title.textContent = data.title + (data.unit ? `, ${data.unit}` : "");
      const groups = [...new Set(data.lines.map((line) => line.of))];
      this.several = groups.length > 1;
      this.lines = data.lines.map((line, at) => ({
        ...line,
        color: (this.several ? groups.indexOf(line.of) : at) % COLORS,
        label: line.of ? `${line.of}: ${line.name}` : line.name,
        y: data.unit === "%" ? line.y.map((value) => value === null ? null : 100 * value) : line.y,
      }));
      this.draw();
    }

    draw() {
      for (const line of this.lines) line.shown = this.smooth ? smoothed(line.y, this.smooth) : line.y;
      const seen = this.lines.filter((line) => !this.hidden.has(line.label));
      const ys = seen.flatMap((line) => line.y).filter((value) => value !== null && (!this.log || value > 0));
      const xs = seen.flatMap((line) => line.x);
      this.picture.replaceChildren();
      this.readings = null;
      if (ys.length) {
        this.setScales(xs, ys);
        this.drawAxes();
        for (const line of seen) this.drawLine(line);
      }
      this.describe(seen);
      this.drawLegend();
    }

    setScales(xs, ys) {
      let [low, high] = [ys.reduce((a, b) => Math.min(a, b)), ys.reduce((a, b) => Math.max(a, b))];
      if (!this.log) {
        const room = 0.04 * (high - low || Math.abs(high) || 1);
        low = low >= 0 && low < room * 8 ? 0 : low - room;
        high += room;
      } else if (low === high) { low /= 2; high *= 2; }
      const [left, right] = [xs.reduce((a, b) => Math.min(a, b)), xs.reduce((a, b) => Math.max(a, b))];
      const far = right > left ? right : left + 1;
      this.range = { left, right: far, low, high };
      const of = this.log ? Math.log10 : (value) => value;
      this.x = (value) => LEFT + (WIDTH - LEFT - RIGHT) * (value - left) / (far - left);
      this.y = (value) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (of(value) - of(low)) / (of(high) - of(low));
    }

    drawAxes() {
      const { left, right, low, high } = this.range;
      for (const value of ticks(low, high, this.log)) {
        const y = this.y(value).toFixed(1);
        this.picture.append(svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y }),
          svg("text", { x: LEFT - 7, y: Number(y) + 4, "text-anchor": "end" }, short(value)));
      }
      for (const value of ticks(left, right, false)) {
        const x = this.x(value).toFixed(1);
        this.picture.append(svg("text", { x, y: HEIGHT - BOTTOM + 17, "text-anchor": "middle" }, short(value)));
      }
      this.picture.append(svg("text", { x: WIDTH - RIGHT, y: HEIGHT - 1, "text-anchor": "end" }, this.data.across));
    }

    drawLine(line) {
      if (this.smooth) this.picture.append(this.path(line, line.y, "raw"));
      this.picture.append(this.path(line, line.shown, line.fine ? `fine${this.several ? " dashed" : ""}` : ""));
      const known = line.x.map((x, at) => [x, line.shown[at]]).filter(([, y]) => y !== null && (!this.log || y > 0));
      if (known.length && known.length < 60 && !line.fine)
        for (const [x, y] of known) this.picture.append(this.dot(line, x, y, 2.5));
    }

    path(line, values, kind) {
      let d = "", begun = false;
      line.x.forEach((x, at) => {
        const y = values[at];
        if (y === null || (this.log && y <= 0)) { begun = false; return; }
        d += `${begun ? "L" : "M"}${this.x(x).toFixed(1)},${this.y(y).toFixed(1)}`;
        begun = true;
      });
      return svg("path", { d, class: `c${line.color} ${kind}` });
    }

    dot(line, x, y, r) {
      return svg("circle", { cx: this.x(x).toFixed(1), cy: this.y(y).toFixed(1), r, class: `c${line.color}` });
    }

    describe(seen) {
      const ends = seen.map((line) => {
        const last = line.y.findLast((value) => value !== null);
        return last === undefined ? "" : `${line.label} ${short(last)}`;
      });
      this.picture.setAttribute("aria-label", `${this.data.title} over ${this.data.across}: ${ends.filter(Boolean).join(", ")}. Left and right read it.`);
    }

    drawLegend() {
      const focused = this.legend.contains(document.activeElement) ? document.activeElement.dataset.line : null;
      this.legend.replaceChildren(...this.lines.map((line) => {
        const button = html("button", { type: "button" });
        button.dataset.line = line.label;
        button.setAttribute("aria-pressed", String(!this.hidden.has(line.label)));
        const at = this.readings?.get(line.label);
        button.append(html("i", { className: `c${line.color}${this.several && line.fine ? " dashed" : ""}` }), html("span", { textContent: line.label }),
          html("b", { textContent: at === undefined ? "" : short(at) }));
        button.addEventListener("click", () => {
          this.hidden.has(line.label) ? this.hidden.delete(line.label) : this.hidden.add(line.label);
          this.draw();
        });
        return button;
      }));
      if (focused) [...this.legend.children].find((each) => each.dataset.line === focused)?.focus();
    }

    point(event) {
      if (!this.range) return;
      const box = this.picture.getBoundingClientRect();
      const x = (event.clientX - box.left) * WIDTH / box.width;
      const share = (x - LEFT) / (WIDTH - LEFT - RIGHT);
      this.read(share < 0 || share > 1 ? null : this.range.left + share * (this.range.right - this.range.left));
    }

    step(event) {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!way || !this.range) return;
      event.preventDefault();
      const pace = (this.range.right - this.range.left) / 50;
      const at = this.at ?? this.range.right;
      this.read(Math.min(this.range.right, Math.max(this.range.left, at + way * pace)));
    }

    // what each line has at the place nearest to x
    read(x) {
      this.picture.querySelectorAll(".reading").forEach((each) => each.remove());
      this.at = x;
      this.readings = x === null ? null : new Map();
      if (x !== null) {
        const across = this.x(x).toFixed(1);
        const group = svg("g", { class: "reading" });
        group.append(svg("line", { class: "cross", x1: across, x2: across, y1: TOP, y2: HEIGHT - BOTTOM }),
          svg("text", { x: across, y: TOP + 2, "text-anchor": x > (this.range.left + this.range.right) / 2 ? "end" : "start", dx: x > (this.range.left + this.range.right) / 2 ? -5 : 5, dy: 8 }, `${this.data.across} ${short(Math.round(x))}`));
        for (const line of this.lines) {
          if (this.hidden.has(line.label)) continue;
          let best = -1;
          line.x.forEach((at, place) => {
            if (line.shown[place] !== null && (best < 0 || Math.abs(at - x) < Math.abs(line.x[best] - x))) best = place;
          });
          if (best < 0 || (this.log && line.shown[best] <= 0)) continue;
          this.readings.set(line.label, line.shown[best]);
          group.append(this.dot(line, line.x[best], line.shown[best], 4));
        }
        this.picture.append(group);
      }
      this.drawLegend();
    }
  }

  const load = async (place) => {
    const answer = await fetch(place.dataset.charts, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const charts = await answer.json();
    place.charts ??= new Map();
    place.querySelector(".empty")?.remove();
    if (!charts.length) place.append(html("p", { className: "empty", textContent: "Nothing to draw yet." }));
    for (const data of charts) {
      if (!place.charts.has(data.title)) place.charts.set(data.title, new Chart(place, data.title));
      place.charts.get(data.title).update(data);
    }
  };

  const all = () => document.querySelectorAll("[data-charts]");
  all().forEach(load);
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt.id === "parts" && event.detail.successful)
      document.querySelectorAll("[data-charts][data-live]").forEach(load);
  });
})();
