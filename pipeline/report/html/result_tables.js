'use strict';

// What a run found: each table with a chart that suits its shape.

const BARS_SHOWN = 25;
const LINES_SHOWN = 6;

function kind_of(column) {
  return column.type;  // 'text', 'int', 'float', 'bool', 'time'
}

function table_columns(table) {
  return table.columns.map((column) => ({
    name: column.name, kind: kind_of(column), decimals: column.decimals, approximate: !!column.error,
    note: column.type + (column.error ? ', approximate: error ' + column.error : ''),
  }));
}

function key_text(table, row, columns) {
  return row.slice(0, table.key_columns).map((value, i) => value_text(value, columns[i])).join(' · ');
}

// 'p99(ms)' -> [0.99, '(ms)']; the columns of one argument belong together.
function quantile_of(name) {
  const match = /^(min|max|median|p(\d+(?:\.\d+)?))(\(.*\))?$/.exec(name);
  if (match === null) return null;
  const share = match[2] !== undefined ? Number(match[2]) / 100 : {min: 0, median: 0.5, max: 1}[match[1]];
  return share > 1 ? null : {share, argument: match[3] || ''};
}

function quantile_sets(table) {
  const sets = new Map();
  table.columns.forEach((column, i) => {
    const quantile = column.type === 'int' || column.type === 'float' ? quantile_of(column.name) : null;
    if (i < table.key_columns || quantile === null) return;
    if (!sets.has(quantile.argument)) sets.set(quantile.argument, []);
    sets.get(quantile.argument).push({share: quantile.share, column: i});
  });
  const list = [];
  for (const [argument, places] of sets) {
    if (places.length < 3) continue;
    places.sort((a, b) => a.share - b.share);
    list.push({argument: argument.replace(/^\(|\)$/g, ''), places});
  }
  return list;
}

function is_histogram(table) {
  const names = table.columns.map((column) => column.name);
  return table.rows.length > 1 && names.length === 3 && names.join() === 'from,to,count';
}

function measures_of(table) {
  return table.columns.map((column, i) => ({column, i}))
      .filter(({column, i}) => i >= table.key_columns && (column.type === 'int' || column.type === 'float'));
}

// What can be drawn of a table: [{label, draw(rows) -> {config(width), height} or null}].
function pictures_of(table) {
  const columns = table_columns(table);
  if (is_histogram(table)) {
    return [{label: 'count', draw: (rows) => {
      const bins = rows.slice().sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
      const text = (row, i) => value_text(row[i], columns[i]);
      return {height: 220, config: () => bins_config(bins.map((row) => text(row, 0)),
          bins.map((row) => text(row, 0) + ' to ' + text(row, 1)), bins.map((row) => row[2]), '')};
    }}];
  }
  const pictures = [];
  if (table.key_columns > 0 && table.rows.length > 1) {
    const is_over_time = table.key_columns === 1 && table.columns[0].type === 'time' && table.rows.length > 7;
    for (const {column, i} of measures_of(table)) {
      pictures.push({label: column.name, draw: (rows) => {
        const shown = rows.filter((row) => row[i] !== null && Number.isFinite(number_of(row[i])));
        if (is_over_time) {
          const places = shown.slice().sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
          return {height: 240, config: () => line_config(places.map((row) => String(row[0])), places.map((row) => number_of(row[i])),
              places.map((row) => value_text(row[i], columns[i])))};
        }
        const list = shown.slice(0, BARS_SHOWN);
        return {height: 12 + 24 * list.length, rows: list.length, of: shown.length,
          config: (width) => bars_config(list.map((row) => key_text(table, row, columns)),
              list.map((row) => number_of(row[i])), list.map((row) => value_text(row[i], columns[i])), width)};
      }});
    }
  }
  const sets = quantile_sets(table).map((set) => ({label: set.argument === '' ? 'quantiles' : 'quantiles of ' + set.argument, is_quantiles: true,
    draw: (rows) => {
      const list = rows.slice(0, LINES_SHOWN);
      return {height: 280, rows: list.length, of: rows.length,
        config: () => quantiles_config(set.places.map((place) => place.share), list.map((row) => ({
          label: key_text(table, row, columns),
          values: set.places.map((place) => {
            const value = row[place.column] === null ? NaN : number_of(row[place.column]);
            return Number.isFinite(value) ? value : null;
          }),
        })))};
    }}));
  // A table of quantiles is best seen as lines, one with a count and two quantiles as bars.
  const are_many = quantile_sets(table).some((set) => set.places.length > 4);
  return are_many ? [...sets, ...pictures] : [...pictures, ...sets];
}

// The chart above a table, which shows the table's rows in the order in which the table shows them.
function table_chart(table) {
  const pictures = pictures_of(table);
  if (pictures.length === 0 || table.rows.length === 0) return null;
  let chosen = 0;
  let rows = table.rows;
  let picture = pictures[0].draw(rows);
  const remark = el('figcaption', {});
  const figure = chart_figure('Chart of ' + table.name + ', the numbers are in the table below', picture.height,
      () => picture.config(figure.clientWidth || 600));
  figure.append(remark);
  const update = () => {
    picture = pictures[chosen].draw(rows);
    remark.textContent = picture.of > picture.rows ? 'the first ' + picture.rows + ' of ' + counted(picture.of, 'row') + ' as sorted below' : '';
    figure.redraw(picture.height);
    figure.show(rows.length > 0);
  };
  const box = el('div', {});
  if (pictures.length > 1) {
    box.append(el('div', {class: 'tools'}, el('label', {}, 'Chart of', el('select', {'aria-label': 'Chart of ' + table.name, onchange: (event) => {
      chosen = Number(event.target.value);
      update();
    }}, pictures.map((item, i) => el('option', {value: i}, item.label))))));
  }
  box.append(figure);
  return {box, on_view: (view) => {
    rows = view;
    update();
  }};
}

function table_note(table) {
  const notes = [];
  if (table.rows.length < table.row_count) {
    notes.push('The first ' + integer(table.rows.length) + ' of ' + counted(table.row_count, 'row') + '; all are in results.h5.');
  }
  if (table.columns.length < table.column_count) {
    notes.push(counted(table.column_count - table.columns.length, 'more column') + ' in results.h5.');
  }
  const errors = new Map();
  for (const column of table.columns) {
    if (column.error) errors.set(column.error, [...(errors.get(column.error) || []), column.name]);
  }
  for (const [error, names] of errors) notes.push('~ approximate, error ' + error + ': ' + names.join(', ') + '.');
  return notes.join(' ');
}

function result_table(table, number) {
  const chart = table.columns.length > 0 ? table_chart(table) : null;
  const box = part(table.name, el('p', {class: 'table-note'}, 'from stage ' + table.stage + ', ' + counted(table.row_count, 'row')));
  box.id = 'table-' + number;
  box.className += ' result';
  if (chart !== null) box.append(chart.box);
  if (table.row_count === 1 && table.key_columns === 0 && table.columns.length <= 12) {
    box.append(el('dl', {class: 'facts', style: 'margin-top:4px'}, table_columns(table).map((column, i) => fact(column.name, value_text(table.rows[0][i], column)))));
    if (table_note(table) !== '') box.append(el('p', {class: 'table-note'}, table_note(table)));
  } else if (table.columns.length > 0) {
    box.append(data_table({label: table.name, columns: table_columns(table), rows: table.rows,
                           note: table_note(table), on_view: chart ? chart.on_view : null}));
  }
  return box;
}

// ---- profiles: a card for each column ----

function starts_profile(table) {
  const names = table.columns.map((column) => column.name).slice(0, 5).join();
  return names === 'column,type,values,nulls,distinct';
}

// Rows about one column of one table, as objects.
function facts_about(table, name) {
  if (table === undefined) return [];
  return table.rows.filter((row) => row[0] === name).map((row) =>
      Object.fromEntries(table.columns.map((column, i) => [column.name, row[i]])));
}

// Times without what says nothing: parts of seconds, midnight.
function short_time(text) {
  return text.replace(/^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+Z$/, '$1Z').replace(/^(\d{4}-\d\d-\d\d)T00:00:00Z$/, '$1');
}

function profile_card(tables, row, columns) {
  const [overview, name] = [Object.fromEntries(columns.map((column, i) => [column.name, row[i]])), row[0]];
  const about = (suffix) => facts_about(tables.get(suffix), name);
  const total = overview.values + overview.nulls;
  const lines = [];
  const line = (label, text) => { if (text !== null && text !== undefined) lines.push(el('dt', {}, label), el('dd', {}, text)); };
  const number = (value) => value === null || value === undefined ? null :
      typeof value === 'string' ? short_time(value) : Number.isInteger(value) ? integer(value) : short_number(value);
  line('values', integer(overview.values) + (overview.nulls > 0 ? ', ' + integer(overview.nulls) + ' null' : ''));
  line('different', (overview.exact ? '' : 'about ') + integer(overview.distinct));
  const numbers = about('numbers')[0] || about('times')[0];
  if (numbers) {
    line('least to greatest', number(numbers.min) + ' to ' + number(numbers.max));
    line('middle half', number(numbers.p25) + ' to ' + number(numbers.p75));
    line('median', number(numbers.p50));
    line('mean', number(numbers.mean));
  } else if (overview.min !== undefined && overview.min !== null) {
    line('first to last', cut_middle(String(overview.min), 24) + ' to ' + cut_middle(String(overview.max), 24));
  }
  const texts = about('texts')[0];
  if (texts) line('bytes', number(texts.shortest) + ' to ' + number(texts.longest) + ', mean ' + number(texts.mean_bytes));
  const card = el('div', {class: 'card'},
      el('h4', {}, el('span', {class: 'text'}, name === '' ? '""' : name), el('span', {class: 'soft'}, overview.type)),
      el('div', {class: 'full', title: share_text(overview.values, total) + ' have a value'},
         el('i', {style: 'width:' + (total > 0 ? 100 * overview.values / total : 0) + '%'})),
      el('dl', {}, lines));
  const frequent = about('most frequent').slice(0, 5);
  if (frequent.length > 0 && frequent[0].count > 1) {
    const most = frequent[0].count;
    card.append(el('table', {class: 'short'}, el('caption', {class: 'only-read'}, 'Most frequent values of ' + name),
        el('tbody', {}, frequent.map((fact) => el('tr', {}, el('th', {scope: 'row', title: String(fact.value)}, short_time(value_text(fact.value, {}))),
            el('td', {class: 'bar-cell'}, bar(fact.count / most)), el('td', {class: 'number'}, integer(fact.count)))))));
  }
  const bins = about('histogram');
  if (bins.length > 1) {
    const most = Math.max(...bins.map((bin) => bin.count));
    const short_end = (value) => short_time(String(value));
    card.append(
        el('div', {class: 'bins', role: 'img', 'aria-label': 'Histogram of ' + (bins[0].of === 'bytes' ? 'lengths' : 'values') + ', in the table below'},
           bins.map((bin) => el('i', {style: 'height:' + (most > 0 ? 100 * bin.count / most : 0) + '%',
                                      title: short_end(bin.from) + ' to ' + short_end(bin.to) + ': ' + integer(bin.count)}))),
        el('div', {class: 'ends'}, el('span', {}, short_end(bins[0].from)), el('span', {}, bins[0].of === 'bytes' ? 'length in bytes' : ''),
           el('span', {}, short_end(bins[bins.length - 1].to))));
  }
  return card;
}

// `tables`: the overview and those that belong to it, with their numbers in the report.
function profile_part(overview, belonging) {
  const tables = new Map(belonging.map(({table}) => [table.name.slice(table.name.lastIndexOf(': ') + 2), table]));
  const columns = overview.table.columns;
  const cards = el('div', {class: 'cards'}, overview.table.rows.slice(0, 100).map((row) => profile_card(tables, row, columns)));
  const box = part(overview.table.name,
      el('p', {class: 'table-note'}, 'from stage ' + overview.table.stage + ', a card for each column; the line below a name is the share that is not null'), cards);
  box.id = 'table-' + overview.number;
  const details = el('details', {}, el('summary', {}, 'The same as ' + counted(1 + belonging.length, 'table')));
  details.addEventListener('toggle', () => {
    if (details.childElementCount > 1) return;
    for (const item of [overview, ...belonging]) details.append(result_table(item.table, item.number + '-rows'));
  });
  box.append(details);
  return box;
}

function result_parts(tables) {
  const parts = [];
  const numbered = tables.map((table, number) => ({table, number}));
  for (let i = 0; i < numbered.length; ++i) {
    const {table, number} = numbered[i];
    if (!starts_profile(table)) {
      parts.push(result_table(table, number));
      continue;
    }
    const belonging = [];
    while (i + 1 < numbered.length && numbered[i + 1].table.stage === table.stage) belonging.push(numbered[++i]);
    parts.push(profile_part(numbered[i - belonging.length], belonging));
  }
  return parts;
}
