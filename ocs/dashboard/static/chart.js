// Lines over time, and the same figures as a table for those who do not see them.

import { h, replace, table } from "./dom.js";
import { moment } from "./format.js";

const SERIES = ["--series-1", "--series-2", "--series-3", "--series-4"];
const charts = new Set();

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export class Chart {
  // label: what is shown. text(value, series): a figure in words.
  constructor(label, { text, bars = false }) {
    this.label = label;
    this.text = text;
    this.bars = bars;
    this.data = null;
    this.names = [];
    this.plot = null;
    this.key = h("ul", { class: "key" });
    this.place = h("div", { class: "chart", role: "img" });
    this.figures = h("div");
    this.details = h(
      "details",
      { ontoggle: () => this.list() },
      h("summary", {}, "The figures as a table"),
      this.figures,
    );
    this.element = h("div", {}, this.key, this.place, this.details);
    new ResizeObserver(() => this.fit()).observe(this.place);
    charts.add(this);
  }

  // times: seconds since 1970. series: [{name, values}].
  show(times, series) {
    const names = series.map(({ name }) => name);
    const data = [times, ...series.map(({ values }) => values)];
    const same = this.plot && names.join() === this.names.join();
    this.data = data;
    this.names = names;
    this.place.setAttribute("aria-label", this.summary());
    if (same) this.plot.setData(data);
    else this.draw();
    this.list();
  }

  summary() {
    const [times, ...values] = this.data;
    if (times.length === 0) return `${this.label}: nothing yet`;
    const last = values.map(
      (each, place) => `${this.names[place]} ${this.text(each.at(-1), this.names[place])}`,
    );
    return `${this.label}. Latest: ${last.join(", ")}`;
  }

  list() {
    if (!this.details.open || !this.data) return;
    const [times, ...values] = this.data;
    const rows = times.map((time, place) => ({
      time,
      values: values.map((each) => each[place]),
    }));
    const columns = [
      { name: "Time", cell: (row) => moment(row.time * 1000, "time") },
      ...this.names.map((name, place) => ({
        name,
        num: true,
        cell: (row) => this.text(row.values[place], name),
      })),
    ];
    replace(this.figures, table(this.label, columns, rows.reverse()));
  }

  draw() {
    this.plot?.destroy();
    const { width, height } = this.place.getBoundingClientRect();
    const grid = { stroke: colour("--line"), width: 1 };
    const axis = {
      stroke: colour("--dim"),
      grid,
      ticks: grid,
      font: "12px system-ui, sans-serif",
    };
    const paths = this.bars ? uPlot.paths.bars({ size: [0.8, 24] }) : undefined;
    this.plot = new uPlot(
      {
        width: Math.max(width, 200),
        height,
        tzDate: undefined,
        cursor: { points: { size: 7 }, drag: { x: false, y: false } },
        legend: { show: false },
        scales: {
          y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.08 : 1] },
        },
        axes: [
          {
            ...axis,
            values: (_, splits) =>
              splits.map((each) => moment(each * 1000, "time").slice(0, 5)),
          },
          { ...axis, size: 64, values: (_, splits) => splits.map((each) => this.text(each)) },
        ],
        series: [
          {},
          ...this.names.map((name, place) => ({
            label: name,
            stroke: colour(SERIES[place % SERIES.length]),
            fill:
              this.names.length === 1 || this.bars
                ? `color-mix(in srgb, ${colour(SERIES[place % SERIES.length])} 18%, transparent)`
                : undefined,
            width: 2,
            paths,
            points: { show: false },
          })),
        ],
      },
      this.data,
      this.place,
    );
    replace(
      this.key,
      this.names.map((name, place) => {
        const mark = h("i");
        mark.style.background = colour(SERIES[place % SERIES.length]);
        return h("li", {}, mark, name);
      }),
    );
  }

  fit() {
    const { width, height } = this.place.getBoundingClientRect();
    if (this.plot && width > 0) this.plot.setSize({ width, height });
  }
}

export function redrawAll() {
  for (const chart of charts) if (chart.data) chart.draw();
}
