'use strict';

// What changed between two runs.

function show_diff() {
  const diff = page_data();
  const title = 'Two runs compared';
  const place = (run) => run.place + (run.job !== '' ? ' (' + run.job + ')' : '');
  const main = el('main', {id: 'main'});
  const parts = diff_parts(diff);
  document.getElementById('page').append(page_head(title, 'shardmill', place(diff.before) + ' and ' + place(diff.after)), main);
  main.append(el('p', {class: 'notice', style: 'border-color:var(--' + (diff.same ? 'good' : 'bad') + ')'},
      diff.same ? 'The results are the same: ' + counted(diff.before.records, 'record') + ', ' + counted(diff.before.tables, 'table') + ', ' + counted(diff.before.outputs, 'output') + '.'
                : 'The results differ: ' + parts.filter((item) => item.counts).map((item) => item.title.toLowerCase()).join(', ') + '.'));
  main.append(el('table', {class: 'short', style: 'max-width:640px;margin-top:16px'}, el('caption', {class: 'only-read'}, 'The two runs'),
      el('thead', {}, el('tr', {}, el('td', {}), ['first run', 'second run'].map((name) => el('th', {scope: 'col', class: 'number'}, el('span', {class: 'soft'}, name))))),
      el('tbody', {}, [['files', 'files', integer], ['bytes', 'size', bytes_text], ['records', 'records', integer], ['tables', 'tables', integer], ['outputs', 'outputs', integer]].map(([key, name, format]) =>
          el('tr', {}, el('th', {scope: 'row'}, name), el('td', {class: 'number'}, format(diff.before[key])),
             el('td', {class: 'number' + (diff.before[key] !== diff.after[key] ? ' bad' : '')}, format(diff.after[key])))))));
  for (const item of parts) main.append(section(item.id, item.title, ...item.content));
}

const DIFF_VALUE_COLUMNS = [{name: 'first run', kind: 'diff'}, {name: 'second run', kind: 'diff'}, {name: 'difference', kind: 'diff'}];

// Counts come as numbers, values of tables as texts.
function diff_table(label, columns, rows, note) {
  const shown = rows.map((row) => row.map((value) => typeof value === 'number' ? integer(value) : value));
  return data_table({label, columns: [...columns, ...DIFF_VALUE_COLUMNS].map((column) => ({...column, right: column.kind === 'diff'})), rows: shown, first: 30, note});
}

function diff_parts(diff) {
  const parts = [];
  const add = (id, title, counts, ...content) => parts.push({id, title, counts, content: content.filter((node) => node !== null)});
  if (diff.other_job || diff.other_schema) {
    add('job', 'Job', false, el('p', {}, [diff.other_job ? 'job.toml has other stages or options. ' : '', diff.other_schema ? 'schema.json has other columns or types of the input.' : ''].join('')));
  }
  const text = (name) => ({name, kind: 'text'});
  if (diff.inputs.length > 0) add('inputs', 'Inputs', true, diff_table('Inputs', [text('count')], diff.inputs));
  if (diff.bad_values.length > 0) add('values', 'Bad values', true, diff_table('Bad values', [text('column')], diff.bad_values));
  if (diff.stages.length > 0) add('stages', 'Stages', true, diff_table('Stages', [text('what'), text('stage'), text('count')], diff.stages));
  if (diff.tables.length > 0) {
    add('tables', 'Tables', true, ...diff.tables.map(diff_of_table),
        diff.table_count > diff.tables.length ? el('p', {class: 'table-note'}, counted(diff.table_count - diff.tables.length, 'more table') + ' differ.') : null);
  }
  if (diff.outputs.length > 0) {
    add('outputs', 'Outputs', true, data_table({label: 'Outputs', columns: [text('what'), text('file')], rows: diff.outputs,
        note: rest_note(diff.outputs.length, diff.output_count, 'shardmill diff --rows ' + diff.output_count)}));
  }
  if (diff.other_bytes) add('bytes', 'results.json', true, el('p', {}, 'Other bytes: examples of records, or the order of rows.'));
  if (diff.other_rows) add('rows', 'results.h5', true, el('p', {}, 'Other bytes: rows behind the first ones of large tables, the job’s name or the version.'));
  if (diff.files.length > 0) {
    const shown = new Set(diff.files.map((row) => row[1])).size;
    add('files', 'Files', false, diff_table('Files', [text('what'), text('file'), text('count')], diff.files,
        rest_note(shown, diff.file_count, 'shardmill diff --rows ' + diff.file_count)));
  }
  return parts;
}

function diff_of_table(table) {
  if (table.what !== 'changed') {
    return part(table.name, el('p', {}, counted(table.rows_before, 'row') + ', only in the ' + (table.what === 'removed' ? 'first' : 'second') + ' run'));
  }
  const summary = [table.rows_before === table.rows_after ? counted(table.rows_before, 'row') : integer(table.rows_before) + ' rows, then ' + integer(table.rows_after)];
  for (const what of ['changed', 'removed', 'added']) {
    if (table[what] > 0) summary.push(integer(table[what]) + ' ' + what);
  }
  const columns = [['columns_removed', 'Columns only in the first run: '], ['columns_added', 'Columns only in the second run: '], ['columns_changed', 'Columns of another type: ']];
  return part(table.name, el('p', {class: 'table-note'}, summary.join(', ')),
      ...columns.filter(([key]) => table[key].length > 0).map(([key, label]) => el('p', {class: 'text'}, label + table[key].map(([name]) => name).join(', '))),
      table.has_other_key ? el('p', {}, 'The key columns are others, so rows are not compared.') : null,
      table.rows.length > 0 ? diff_table(table.name, [{name: 'what', kind: 'text'}, {name: 'row', kind: 'text'}, {name: 'column', kind: 'text'}], table.rows,
          table.changed + table.removed + table.added > 20 ? 'shardmill diff --rows N shows more rows.' : '') : null);
}
