'use strict';

// report.html: what a run was asked, what it found, how it went.

function show_report() {
  const run = page_data();
  const main = el('main', {id: 'main'});
  document.getElementById('page').append(report_head(run), main);
  main.append(answer_section(run), records_section(run));
  if (run.tables.length > 0) {
    main.append(section('tables', 'Tables', ...result_parts(run.tables), run.table_count > run.tables.length ?
        el('p', {class: 'table-note'}, counted(run.table_count - run.tables.length, 'more table') + ' in results.h5.') : null));
  }
  main.append(how_section(run));
  const problems = problems_section(run);
  if (problems !== null) main.append(problems);
  main.append(files_section(run));
  document.getElementById('page').append(
      el('footer', {}, 'Made by shardmill ' + run.version + '. This page needs no network; the results for programs are in results.json and results.h5.'));
}

function report_head(run) {
  const links = [['#answer', 'Answer'], ['#records', 'Way of the records']];
  if (run.tables.length > 0) links.push(['#tables', 'Tables']);
  links.push(['#how', 'How it ran']);
  if (has_problems(run)) links.push(['#problems', 'Problems']);
  links.push(['#files', 'Files']);
  const started = run.started.replace('T', ' ').replace('Z', ' UTC');
  const head = page_head(run.job_name || 'shardmill', 'shardmill ' + run.version,
                         [started, run.run_dir].filter((text) => text !== '').join(' · '));
  head.append(el('nav', {'aria-label': 'Parts of this page'}, links.map(([href, text]) => el('a', {href}, text))));
  return head;
}

function has_problems(run) {
  const totals = run.totals;
  return totals.bad_files + totals.bad_records + totals.bad_values > 0;
}

// ---- what was asked and answered ----

function answer_section(run) {
  const totals = run.totals;
  const box = el('section', {id: 'answer', 'aria-label': 'What was asked and answered', style: 'margin-top:0'});
  if (run.stopped_by !== '') {
    box.append(el('p', {class: 'notice'}, el('b', {}, 'Partial results. '),
        'Stopped early: these are ' + integer(totals.units_done) + ' of ' + counted(totals.units, 'unit') + ', ' +
        bytes_text(totals.disk_bytes) + ' of ' + bytes_text(totals.bytes_total) + '. Stopped by ' + run.stopped_by + '.'));
  }
  for (const problem of run.books_problems) box.append(el('p', {class: 'notice'}, 'The books do not balance: ' + problem));
  for (const note of run.notes) box.append(el('p', {class: 'notice'}, note));
  const bad = [];
  if (totals.bad_files > 0) bad.push(counted(totals.bad_files, 'file'));
  if (totals.bad_records > 0) bad.push(counted(totals.bad_records, 'record'));
  if (totals.bad_values > 0) bad.push(counted(totals.bad_values, 'value'));
  const work = run.seconds.work;
  const facts = el('dl', {class: 'facts'},
      fact('records read', integer(totals.records)),
      fact(totals.files_read === totals.files ? 'files' : 'of ' + counted(totals.files, 'file'), integer(totals.files_read)),
      fact('read from disk', bytes_text(totals.disk_bytes), totals.plain_bytes !== totals.disk_bytes ? '(' + bytes_text(totals.plain_bytes) + ' unpacked)' : ''),
      fact('took', seconds_text(run.seconds.total)),
      work > 0 ? fact('while at work', rate_text(totals.disk_bytes / work), count_text(totals.records / work) + ' records/s') : null);
  const verdict = bad.length > 0
      ? el('div', {}, el('dt', {}, 'bad'), el('dd', {class: 'bad'}, el('a', {href: '#problems', style: 'color:inherit'}, bad[0]),
           bad.length > 1 ? el('small', {}, ' ' + bad.slice(1).join(', ')) : null))
      : fact('bad files, records or values', 'none');
  facts.append(verdict);
  box.append(facts, el('div', {class: 'question'}, asked_part(run), answered_part(run)));
  return box;
}

function asked_part(run) {
  const asked = run.asked;
  let paths = asked.paths.slice(0, 3).join(', ');
  if (asked.path_count > 3) paths += ' and ' + integer(asked.path_count - 3) + ' more';
  const steps = [el('li', {}, el('span', {class: 'n'}, ''), el('div', {}, el('b', {}, 'read '), asked.format,
      el('div', {class: 'options text'}, paths)))];
  const most = 9;
  run.stages.slice(0, most).forEach((stage, i) => {
    const options = stage.asked.filter(([name]) => name !== 'name').map(([name, value]) => name + ' ' + value).join(' · ');
    const named = stage.name !== '' && stage.name !== stage.use ? '“' + stage.name + '”' : '';
    steps.push(el('li', {}, el('span', {class: 'n'}, String(i)),
        el('div', {}, el('b', {}, stage.use + ' '), el('span', {class: 'text'}, named), options ? el('div', {class: 'options text', title: options}, options) : null)));
  });
  if (run.stage_count > most) steps.push(el('li', {}, el('span', {}, ''), el('span', {class: 'soft'}, 'and ' + counted(run.stage_count - most, 'more stage'))));
  return el('div', {}, el('h2', {}, 'Asked'), el('ol', {class: 'steps'}, steps),
      el('details', {class: 'more'}, el('summary', {}, 'The whole job file'), el('pre', {class: 'job', tabindex: '0'}, asked.job.join('\n'))));
}

// The first rows of the first tables; all of each is below.
function answered_part(run) {
  const box = el('div', {}, el('h2', {}, 'Answered'));
  const shown = [];
  run.tables.forEach((table, number) => {
    const is_new = !shown.some((item) => item.table.stage === table.stage);
    if (shown.length < 2 && is_new && table.rows.length > 0 && table.columns.length > 0) shown.push({table, number});
  });
  for (const {table, number} of shown) box.append(short_answer(table, number, shown.length === 1 ? 8 : 4));
  const others = run.tables.map((table, number) => ({table, number})).filter(({number}) => !shown.some((item) => item.number === number));
  if (others.length > 0) {
    const links = others.slice(0, 6).flatMap(({table, number}, i) => [i > 0 ? ', ' : '', el('a', {href: '#table-' + anchor_of(run.tables, number)}, table.name)]);
    box.append(el('p', {class: 'more'}, shown.length > 0 ? 'Also: ' : '', ...links, others.length > 6 ? ' and ' + integer(others.length - 6) + ' more' : ''));
  }
  if (run.tables.length === 0) {
    box.append(el('p', {}, integer(run.stages.length > 0 ? run.stages[run.stages.length - 1].out : run.totals.records) + ' records came through all stages',
        run.outputs.length > 0 ? [' and were written to ', el('a', {href: '#files'}, counted(run.output_count, 'file'))] : null, '.'));
  }
  return box;
}

// Tables of a profile are shown as its cards.
function anchor_of(tables, number) {
  for (let i = number; i >= 0 && tables[i].stage === tables[number].stage; --i) {
    if (starts_profile(tables[i])) return i;
  }
  return number;
}

function short_answer(table, number, most) {
  const columns = table_columns(table);
  const title = el('h3', {class: 'text'}, el('a', {href: '#table-' + number}, table.name));
  const box = el('div', {class: 'part', style: 'margin-top:0;margin-bottom:18px'}, title);
  if (table.row_count === 1 && table.key_columns === 0) {
    box.append(el('dl', {class: 'facts', style: 'margin-top:4px'}, columns.slice(0, 6).map((column, i) => fact(column.name, value_text(table.rows[0][i], column)))));
    return box;
  }
  const measure = measures_of(table)[0];
  const rows = table.rows.slice(0, most);
  const keys = table.key_columns > 0 ? table.key_columns : 1;
  const greatest = measure ? Math.max(...rows.map((row) => number_of(row[measure.i]) || 0)) : 0;
  const second = measures_of(table).filter(({i}) => !measure || i !== measure.i)[0];
  box.append(el('table', {class: 'short'},
      el('thead', {class: 'soft'}, el('tr', {}, el('th', {scope: 'col'}, el('span', {class: 'soft'}, columns.slice(0, keys).map((column) => column.name).join(' · '))),
         measure ? [el('td', {}), el('th', {scope: 'col', class: 'number'}, el('span', {class: 'soft'}, measure.column.name))] : null,
         second ? el('th', {scope: 'col', class: 'number'}, el('span', {class: 'soft'}, second.column.name)) : null)),
      el('tbody', {}, rows.map((row) => el('tr', {},
          el('th', {scope: 'row', class: 'text'}, row.slice(0, keys).map((value, i) => value_text(value, columns[i])).join(' · ')),
          measure ? [el('td', {class: 'bar-cell'}, greatest > 0 && row[measure.i] !== null ? bar(number_of(row[measure.i]) / greatest) : null),
                     el('td', {class: 'number'}, value_text(row[measure.i], columns[measure.i]))] : null,
          second ? el('td', {class: 'number'}, value_text(row[second.i], columns[second.i])) : null)))));
  if (table.row_count > most) box.append(el('p', {class: 'table-note'}, 'the first ' + rows.length + ' of ' + counted(table.row_count, 'row')));
  return box;
}

// ---- the way of the records ----

function records_section(run) {
  const by_stages = run.stages.reduce((sum, stage) => sum + stage.rejected, 0);
  const unread = Math.max(0, run.totals.bad_records - by_stages);
  const most = Math.max(1, run.totals.records, ...run.stages.map((stage) => stage.out));
  const rows = [];
  const row = (number, name, coming, going, left) => rows.push(el('tr', {},
      el('td', {class: 'number soft place'}, number),
      el('th', {scope: 'row', class: 'text'}, name),
      el('td', {class: 'number', 'data-label': coming === '' ? null : 'in'}, ...(coming === '' ? [] : [coming])),
      el('td', {class: 'number', 'data-label': 'out'}, integer(going)),
      el('td', {class: 'flow'}, bar(going / most)),
      el('td', {class: 'left'}, left.length > 0 ? el('ul', {}, left) : null)));
  row('', 'input', '', run.totals.records, unread > 0 ? [departure(unread, run.totals.records + unread, 'rejected', [])] : []);
  run.stages.forEach((stage, i) => {
    const left = stage.left.map((item) => departure(item.count, stage.in, item.why, item.examples || []));
    if (stage.rejected > 0) left.push(departure(stage.rejected, stage.in, 'rejected', []));
    if (stage.made > 0) left.push(el('li', {}, '+' + integer(stage.made) + ' made from them'));
    for (const [name, count] of stage.counted) left.push(el('li', {class: 'soft'}, integer(count) + ' counted: ' + name));
    if (stage.shown && stage.shown.length > 0) left.push(el('li', {}, example_list('the first that were passed on', stage.shown)));
    row(String(i), el('span', {}, el('b', {}, stage.use), stage.name !== stage.use && stage.name !== '' ? ' ' + stage.name : ''),
        integer(stage.in), stage.out, left);
  });
  const all_well = run.books_problems.length === 0
      ? el('p', {class: 'table-note'}, el('span', {class: 'good'}, 'The books balance: '), 'read = passed on + left out + rejected, in every stage.')
      : el('p', {class: 'table-note bad'}, 'The books do not balance.');
  return section('records', 'The way of the records',
      el('table', {class: 'funnel'}, el('caption', {class: 'only-read'}, 'Records in and out of each stage, and why records were left out'),
         el('thead', {}, el('tr', {}, el('td', {}), el('th', {scope: 'col'}, 'stage'), el('th', {scope: 'col', class: 'number'}, 'records in'),
            el('th', {scope: 'col', class: 'number'}, 'out'), el('td', {}), el('th', {scope: 'col'}, 'left out'))),
         el('tbody', {}, rows)), all_well);
}

function departure(count, of, why, examples) {
  const text = integer(count) + ' (' + share_text(count, of) + ') ' + why;
  return el('li', {}, examples.length > 0 ? example_list(text, examples) : text);
}

function example_list(title, examples) {
  return el('details', {}, el('summary', {}, title), el('div', {class: 'examples'}, examples.map(([path, offset, record]) =>
      el('p', {}, el('span', {class: 'soft text'}, path + ', byte ' + integer(offset)), el('br'), el('code', {class: 'text'}, record)))));
}

// ---- problems ----

function problems_section(run) {
  if (!has_problems(run)) return null;
  const totals = run.totals;
  const parts = [];
  if (totals.bad_files > 0) {
    parts.push(part('Bad files', data_table({label: 'Bad files', rows: run.bad_files,
        columns: [{name: 'file', kind: 'text'}, {name: 'outcome', kind: 'text'}, {name: 'size', kind: 'bytes'}, {name: 'why', kind: 'text'}],
        note: rest_note(run.bad_files.length, totals.bad_files, 'files.tsv')})));
  }
  if (totals.bad_records > 0) {
    const columns = [{name: 'file', kind: 'text'}, {name: 'byte', kind: 'int'}, {name: 'record', kind: 'int'}, {name: 'size', kind: 'bytes'},
                     {name: 'why', kind: 'text'}, {name: 'begins with', kind: 'text', mono: true}];
    parts.push(part('Bad records', reasons_table(run), data_table({label: 'Bad records', columns, rows: run.bad_records,
        note: rest_note(run.bad_records.length, totals.bad_records, 'bad_records.jsonl')})));
  }
  if (totals.bad_values > 0) {
    parts.push(part('Values that are not of their column’s type, read as null', data_table({label: 'Bad values', rows: run.bad_values,
        columns: [{name: 'column', kind: 'text'}, {name: 'values', kind: 'int'}, {name: 'for instance', kind: 'text'}]})));
  }
  return section('problems', 'Problems', ...parts);
}

// How many of the records that are listed have which reason.
function reasons_table(run) {
  const counts = new Map();
  for (const row of run.bad_records) counts.set(row[4], (counts.get(row[4]) || 0) + 1);
  if (counts.size < 2) return null;
  const list = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 8);
  return el('table', {class: 'short', style: 'max-width:800px;margin-bottom:16px'}, el('caption', {class: 'only-read'}, 'Reasons of the records listed below'),
      el('tbody', {}, list.map(([reason, count]) => el('tr', {}, el('th', {scope: 'row', class: 'text'}, reason),
          el('td', {class: 'bar-cell', style: 'width:25%'}, bar(count / list[0][1], 'pale')), el('td', {class: 'number'}, integer(count))))));
}

function rest_note(shown, all, file) {
  return shown < all ? 'The first ' + integer(shown) + ' of ' + integer(all) + '; see ' + file + '.' : '';
}

// ---- files ----

function files_section(run) {
  const parts = [];
  if (run.slow_files.length > 0) {
    const rows = run.slow_files.map(([path, seconds, bytes, records]) => [path, seconds, bytes, seconds > 0 ? bytes / seconds : null, records]);
    parts.push(part('Slowest files', data_table({label: 'Slowest files', rows, first: 10,
        columns: [{name: 'file', kind: 'text'}, {name: 'time', kind: 'seconds'}, {name: 'size', kind: 'bytes'}, {name: 'speed', kind: 'rate'}, {name: 'records', kind: 'int'}],
        note: run.totals.files > rows.length ? 'All ' + counted(run.totals.files, 'file') + ' are in files.tsv.' : ''})));
  }
  if (run.outputs.length > 0) {
    parts.push(part('Written', data_table({label: 'Written', rows: run.outputs, first: 10,
        columns: [{name: 'file', kind: 'text'}, {name: 'records', kind: 'int'}, {name: 'size', kind: 'bytes'}],
        note: rest_note(run.outputs.length, run.output_count, 'run.json')})));
  }
  if (parts.length === 0) parts.push(el('p', {class: 'soft'}, 'No file was read.'));
  return section('files', 'Files', ...parts);
}
