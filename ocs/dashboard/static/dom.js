// Builds elements; text is always text, never markup.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export function replace(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null));
}

// A card whose heading names it to a screen reader, too.
export function card(title, attributes, ...children) {
  const id = `card-${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`;
  const { class: more = "", ...rest } = attributes;
  return h(
    "section",
    { class: `card ${more}`, "aria-labelledby": id, ...rest },
    h("h2", { id }, title),
    ...children,
  );
}

// columns: [{name, num, cell(row), sort(row)}]. A table with a caption and, if asked for, sorting.
export function table(caption, columns, rows, { empty = "Nothing yet.", sorted = null } = {}) {
  if (rows.length === 0) return h("p", { class: "beside" }, empty);
  let order = sorted;
  const body = h("tbody");
  const heads = columns.map((column) => {
    const head = h("th", { scope: "col", class: column.num ? "num" : null });
    if (!column.sort) {
      head.append(column.name);
      return head;
    }
    const turn = () => {
      const down = order?.name === column.name ? !order.down : Boolean(column.num);
      order = { name: column.name, down };
      draw();
    };
    head.append(h("button", { type: "button", onclick: turn }, column.name));
    return head;
  });

  function draw() {
    const shown = [...rows];
    columns.forEach((column, place) => {
      if (!column.sort) return;
      const current = order?.name === column.name;
      const how = current ? (order.down ? "descending" : "ascending") : "none";
      heads[place].setAttribute("aria-sort", how);
      if (current) {
        const sign = order.down ? -1 : 1;
        shown.sort((one, other) => sign * compare(column.sort(one), column.sort(other)));
      }
    });
    replace(
      body,
      shown.map((row) =>
        h(
          "tr",
          {},
          columns.map((column, place) => {
            const content = [column.cell(row)].flat();
            return place === 0
              ? h("th", { scope: "row" }, ...content)
              : h("td", { class: column.num ? "num" : null }, ...content);
          }),
        ),
      ),
    );
  }

  draw();
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, heads)), body),
  );
}

function compare(one, other) {
  if (one === other) return 0;
  return one > other ? 1 : -1;
}
