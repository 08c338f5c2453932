'use strict';

let tables_made = 0;

// A table that can be sorted, searched and paged.
//   columns: [{name, kind, note, decimals}], rows: arrays of values, in the order that counts as unsorted
//   label: for screen readers; on_view(rows): called with the rows in view order when it changes
function data_table({label, columns, rows, note, first = 15, on_view}) {
  const id = 'rows-' + (++tables_made);
  let shown = first;
  let sort = {column: null, down: false};
  let words = '';
  const body = el('tbody', {});
  const count = el('span', {class: 'count', 'aria-live': 'polite'});
  const pager = el('div', {class: 'pager'});
  const heads = columns.map((column, i) => head(column, i));
  const greatest = columns.map((column, i) =>
      column.kind === 'share' ? Math.max(1e-9, ...rows.map((row) => row[i] || 0)) : 0);
  const texts = rows.length > 3 ? rows.map((row) =>
      row.map((value, i) => value_text(value, columns[i])).join('\n').toLowerCase()) : null;

  // As wide as its longest text asks for, so that short words are not broken.
  const widths = columns.map((column, i) => is_number_kind(column.kind) || column.right ? 0 :
      Math.min(28, Math.max(4, ...rows.map((row) => row[i] === null ? 1 : String(row[i]).length))));

  function head(column, i) {
    const arrow = el('span', {class: 'arrow', 'aria-hidden': 'true'});
    const button = el('button', {type: 'button', class: 'sort', title: column.note, onclick: () => {
      // Numbers begin with the greatest, texts with the first; the third click undoes.
      const first_down = is_number_kind(column.kind);
      if (sort.column !== i) sort = {column: i, down: first_down};
      else if (sort.down === first_down) sort = {column: i, down: !first_down};
      else sort = {column: null, down: false};
      update();
    }});
    const name = (column.name === '' ? '""' : column.name) + (column.approximate ? ' ~' : '');
    if (is_number_kind(column.kind) || column.right) button.append(arrow, name);
    else button.append(name, arrow);
    return el('th', {scope: 'col', class: is_number_kind(column.kind) || column.right ? 'number' : 'text-head'}, button);
  }

  function cell(value, column, i) {
    const text = value_text(value, column);
    const tag = i === 0 && !is_number_kind(column.kind) ? 'th' : 'td';
    const scope = tag === 'th' ? {scope: 'row'} : {};
    if (column.kind === 'share') {
      return el('td', {class: 'share'}, el('span', {style: 'display:inline-block;width:90px;margin-right:8px'}, bar(value / greatest[i])), text);
    }
    const kind = is_number_kind(column.kind) || column.right ? 'number' : 'text';
    const style = widths[i] > 0 ? 'min-width:calc(min(' + widths[i] + 'ch,50vw) + 18px)' : null;
    return el(tag, {...scope, style, class: kind + (value === null ? ' nothing' : '') + (column.mono ? ' mono' : '')}, text);
  }

  function compare(a, b, column) {
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;  // nothing comes last either way
    let order;
    if (is_number_kind(column.kind)) {
      const x = number_of(a), y = number_of(b);
      order = Number.isNaN(x) || Number.isNaN(y) ? (Number.isNaN(x) ? 1 : 0) - (Number.isNaN(y) ? 1 : 0) :
          x < y ? -1 : x > y ? 1 : compare_digits(a, b);
    } else if (column.right && a !== '' && b !== '' && !Number.isNaN(grouped_number(a)) && !Number.isNaN(grouped_number(b))) {
      order = grouped_number(a) - grouped_number(b);
    } else {
      order = a < b ? -1 : a > b ? 1 : 0;
    }
    return sort.down ? -order : order;
  }

  function view() {
    let list = rows.map((row, i) => i);
    if (words !== '') list = list.filter((i) => texts[i].includes(words));
    if (sort.column !== null) {
      const column = sort.column;
      list.sort((a, b) => compare(rows[a][column], rows[b][column], columns[column]) || a - b);
    }
    return list;
  }

  function update() {
    const list = view();
    const part = list.slice(0, shown);
    body.replaceChildren(...part.map((i) =>
        el('tr', {}, rows[i].map((value, c) => cell(value, columns[c], c)))));
    if (part.length === 0) {
      body.append(el('tr', {}, el('td', {class: 'nothing', colspan: columns.length}, 'no row holds this text')));
    }
    heads.forEach((th, i) => {
      th.querySelector('.arrow').textContent = sort.column === i ? (sort.down ? '↓' : '↑') : '';
      if (sort.column === i) th.setAttribute('aria-sort', sort.down ? 'descending' : 'ascending');
      else th.removeAttribute('aria-sort');
    });
    count.textContent = words === '' ? counted(rows.length, 'row') : integer(list.length) + ' of ' + counted(rows.length, 'row');
    pager.replaceChildren();
    if (list.length > shown) {
      pager.append(
          el('span', {class: 'soft'}, integer(part.length) + ' of ' + integer(list.length) + ' shown'),
          el('button', {type: 'button', onclick: () => { shown += 50; update(); }}, 'Show 50 more'),
          list.length > shown + 50 ? el('button', {type: 'button', onclick: () => { shown = list.length; update(); }}, 'Show all') : '');
    }
    if (on_view) on_view(list.map((i) => rows[i]));
  }

  const box = el('div', {class: 'table-box', id});
  if (texts !== null) {
    box.append(el('div', {class: 'tools'},
        el('label', {}, 'Search', el('input', {type: 'search', 'aria-label': 'Search in ' + label, oninput: (event) => {
          words = event.target.value.toLowerCase();
          update();
        }})), count));
  }
  box.append(
      el('div', {class: 'scroll', role: 'region', 'aria-label': label, tabindex: '0'},
         el('table', {class: 'data'}, el('caption', {class: 'only-read'}, label),
            el('thead', {}, el('tr', {}, heads)), body)),
      pager);
  if (note) box.append(el('p', {class: 'table-note'}, note));
  update();
  return box;
}

// '-1,234.5' as a number.
function grouped_number(text) {
  return Number(text.replace(/,/g, ''));
}

function number_of(value) {
  return typeof value === 'string' ? Number(value) : value;
}

// Wholes beyond 2^53 come as digits: equal doubles may still differ.
function compare_digits(a, b) {
  if (typeof a !== 'string' || typeof b !== 'string' || !/^-?\d+$/.test(a) || !/^-?\d+$/.test(b)) return 0;
  const x = BigInt(a), y = BigInt(b);
  return x < y ? -1 : x > y ? 1 : 0;
}
