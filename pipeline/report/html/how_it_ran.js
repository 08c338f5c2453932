'use strict';

// Where time and memory went.

const KINDS = [['reading', 'reading'], ['decoding', 'unpacking and parsing'], ['computing', 'computing'], ['writing', 'committing and writing outputs']];

function how_section(run) {
  const how = run.how;
  const layout = how.layout;
  const hosts = layout.host_count > layout.hosts.length ? counted(layout.host_count, 'host') : layout.hosts.join(', ');
  const box = section('how', 'How it ran',
      el('p', {}, counted(layout.ranks, 'rank') + ' of ' + counted(layout.threads, 'thread') + (hosts ? ' on ' + hosts : '') + ', ' +
         counted(run.totals.units, 'unit') + ' of work, at most ' + bytes_text(layout.peak_rss_bytes) + ' of memory in a rank.' +
         (run.totals.attempt > 1 ? ' Attempt ' + run.totals.attempt + ': ' + counted(run.totals.units_before, 'unit') + ' had been done before, ' +
             bytes_text(run.totals.bytes_done_again) + ' had to be read again.' : '')),
      part('Time from start to end', strip_of([
        ['decoding', 'start and plan', run.seconds.plan], ['reading', 'work', run.seconds.work], ['writing', 'merge, outputs, report', run.seconds.merge]], seconds_text)),
      how.spent ? spent_part(run) : null);
  if (how.timeline && how.timeline.rows.length > 0) box.append(timeline_part(how.timeline, layout), rates_part(how.timeline, layout));
  if (layout.ranks > 1) box.append(balance_part(run));
  if (how.attempts.length > 1) box.append(attempts_part(run));
  return box;
}

// One bar that adds up, with its parts named below.
function strip_of(parts, format) {
  const sum = parts.reduce((total, [, , value]) => total + value, 0);
  const shown = parts.filter(([, , value]) => value > 0);
  const label = shown.map(([, name, value]) => name + ' ' + format(value)).join(', ');
  return el('div', {}, el('div', {class: 'strip', role: 'img', 'aria-label': label}, shown.map(([color, name, value]) =>
      el('span', {style: 'width:' + (100 * value / sum).toFixed(3) + '%;background:var(--' + color + ')', title: name + ' ' + format(value)}))),
      el('div', {style: 'height:6px'}),
      legend(shown.map(([color, name, value]) => [color, name + ' ' + format(value) + ' (' + share_text(value, sum) + ')'])));
}

// What the workers did, stage by stage, all of them added up.
function spent_part(run) {
  const color_of_kind = {reading: 'reading', unpacking: 'decoding', parsing: 'decoding', computing: 'computing', committing: 'writing', writing: 'writing', waiting: 'waiting'};
  const list = run.how.spent.filter(([, , seconds]) => seconds > 0);
  const sum = list.reduce((total, [, , seconds]) => total + seconds, 0);
  if (sum === 0) return null;
  const most = Math.max(...list.map(([, , seconds]) => seconds));
  const name_of = (kind, stage) => {
    if (stage === null) return {reading: 'reading from the disk', unpacking: 'unpacking', parsing: 'parsing records', committing: 'committing units', writing: 'writing outputs', waiting: 'waiting for work'}[kind];
    const item = run.stages[stage];
    return 'stage ' + stage + ' ' + (item ? item.use + (item.name !== item.use && item.name !== '' ? ' “' + item.name + '”' : '') : '');
  };
  return part('What the workers did',
      el('table', {class: 'short', style: 'max-width:880px;font-size:14px'}, el('caption', {class: 'only-read'}, 'Seconds of all workers by what they did'),
         el('tbody', {}, list.map(([kind, stage, seconds]) => el('tr', {}, el('th', {scope: 'row', class: 'text'}, name_of(kind, stage)),
             el('td', {class: 'bar-cell'}, el('span', {class: 'bar', style: 'width:' + (100 * seconds / most).toFixed(2) + '%;background:var(--' +
                 (kind === 'waiting' ? 'line' : color_of_kind[kind]) + ')'})),
             el('td', {class: 'number'}, seconds_text(seconds)), el('td', {class: 'number soft'}, share_text(seconds, sum)))))),
      el('p', {class: 'table-note'}, 'seconds of all ' + counted(run.how.layout.workers, 'worker') + ' added up, from when they could begin until all outputs were written'));
}

// A row each worker; the height of a colour is the share of time.
function timeline_part(timeline, layout) {
  const rows = timeline.rows.map(([name, born, [first, text]]) => ({name, born, first, text}));
  const height_of_row = rows.length > 64 ? 8 : rows.length > 24 ? 12 : 20;
  const bottom = 22;
  const height = rows.length * height_of_row + bottom;
  const name_of = (row, is_narrow) => is_narrow ? row.name.replace(/^rank /, 'r').replace(/,? ?worker /, ' w').trim() : row.name;
  const busy = rows.map((row) => {
    let sum = 0;
    for (let i = 0; i < row.text.length; i += 2) sum += Number(row.text.slice(i, i + 2));
    return sum / 99 * timeline.seconds / timeline.columns;
  });
  const label = 'Timeline of ' + counted(rows.length, 'row') + ' over ' + seconds_text(timeline.seconds) + ': work begins after ' + seconds_text(timeline.ready) +
      ', rows are at work between ' + seconds_text(Math.min(...busy)) + ' and ' + seconds_text(Math.max(...busy));
  const figure = drawing(label, height, (context, width, full) => {
    const names = rows.map((row) => name_of(row, width < 500));
    const longest = Math.max(...names.map((name) => name.length));
    const left = Math.min(width < 500 ? 96 : 150, 7 * longest + 12);
    const right = 8;
    const scale = (width - left - right) / timeline.seconds;
    const x_of = (seconds) => left + seconds * scale;
    const names_every = Math.ceil(14 / height_of_row);
    const colors = KINDS.map(([color]) => color_of(color));
    const waiting = color_of('waiting');
    const soft = color_of('soft');
    const gap = height_of_row > 10 ? 3 : 1;
    const bar_height = height_of_row - gap;
    const column = (width - left - right) / timeline.columns;
    context.textBaseline = 'middle';
    rows.forEach((row, i) => {
      const top = i * height_of_row;
      context.fillStyle = soft;
      context.textAlign = 'right';
      if (i % names_every === 0) context.fillText(cut_middle(names[i], Math.floor((left - 8) / 6.4)), left - 8, top + bar_height / 2 + 1);
      // Start-up: the process is there, but nobody works yet.
      context.fillStyle = color_of('line');
      context.fillRect(x_of(row.born), top + bar_height / 2 - 0.5, x_of(timeline.ready) - x_of(row.born), 1);
      context.fillStyle = waiting;
      context.fillRect(x_of(timeline.ready), top, x_of(timeline.rows_end) - x_of(timeline.ready), bar_height);
      for (let c = 0; c * 8 < row.text.length; ++c) {
        let y = top + bar_height;
        const x = left + (row.first + c) * column;
        for (let kind = 0; kind < 4; ++kind) {
          const share = Number(row.text.slice(c * 8 + 2 * kind, c * 8 + 2 * kind + 2)) / 99;
          if (share === 0) continue;
          context.fillStyle = colors[kind];
          context.fillRect(x, y - share * bar_height, column + 0.4, share * bar_height);
          y -= share * bar_height;
        }
      }
    });
    // The axis: round seconds.
    const bottom_line = full - bottom;
    context.fillStyle = soft;
    context.textBaseline = 'top';
    const step = round_step(timeline.seconds, (width - left) / 90);
    for (let k = 0; k * step <= timeline.seconds * 1.0001; ++k) {
      const x = x_of(k * step);
      context.fillRect(x, bottom_line, 1, 4);
      context.textAlign = k === 0 ? 'left' : x > width - 30 ? 'right' : 'center';
      context.fillText(axis_seconds(k * step, step), x, bottom_line + 7);
    }
  });
  const grouped = layout.workers > rows.length;
  return part('Who worked when', legend([...KINDS.map(([color, name]) => [color, name]), ['waiting', 'waiting']]), figure,
      el('p', {class: 'table-note'}, (grouped ? 'Each row is the mean of neighbours. ' : '') + 'Seconds since the first process started; the thin line is start-up, work could begin after ' +
         seconds_text(timeline.ready) + ', merge, outputs and report came after ' + seconds_text(timeline.work_end) + '.'));
}

// A step of 1, 2 or 5 times a power of ten (or of minutes and hours) that gives at most `most` of them.
function round_step(range, most) {
  const wanted = range / Math.max(1, most);
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
  if (wanted > 1) return steps.find((step) => step >= wanted) || 86400 * Math.ceil(wanted / 86400);
  const power = Math.pow(10, Math.floor(Math.log10(wanted)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= wanted * 0.999);
}

// Bytes are written by powers of two: a power of two that gives at most `most` steps.
function byte_step(range, most) {
  return range > 0 ? Math.pow(2, Math.ceil(Math.log2(range / most))) : 1;
}

function axis_seconds(value, step) {
  if (value === 0) return '0';
  if (step >= 3600) return value / 3600 + ' h';
  if (step >= 60) return value / 60 + ' min';
  if (step >= 1) return value + ' s';
  return step >= 0.1 ? value.toFixed(1) + ' s' : Math.round(value * 1000 * 100) / 100 + ' ms';
}

// Rates and memory over time, below each other on the same axis.
function rates_part(timeline, layout) {
  const width = timeline.seconds / timeline.columns;
  const first = Math.floor(timeline.ready / width), end = Math.ceil(timeline.rows_end / width);
  // Means of three: a unit that commits shows as a jump, which says nothing.
  const smooth = (values) => values.map((y, i) => {
    const near = values.slice(Math.max(0, i - 1), i + 2);
    return near.reduce((sum, value) => sum + value, 0) / near.length;
  });
  const points = (values) => smooth(values.slice(first, end)).map((y, i) => ({x: (first + i + 0.5) * width, y}));
  const step = round_step(timeline.seconds, 6);
  const area = (label, values, format, {is_bytes, more, most} = {}) => chart_figure(label, 170, () => ({
    type: 'line',
    data: {datasets: [{data: points(values), borderColor: color_of('accent'), backgroundColor: color_of('accent-soft'), fill: true, borderWidth: 1.5,
                       pointRadius: 0}, ...((more && more()) || [])]},
    options: chart_options({
      interaction: {mode: 'nearest', axis: 'x', intersect: false},
      scales: {
        x: {type: 'linear', min: 0, max: timeline.seconds, grid: {display: false},
            ticks: {stepSize: step, includeBounds: false, callback: (value) => axis_seconds(value, step), color: color_of('soft')}},
        y: axis('', format, {suggestedMax: 0, ticks: {stepSize: is_bytes ? byte_step(Math.max(...values, most || 0), 5) : undefined}}),
      },
      tooltip: {callbacks: {title: (items) => 'after ' + seconds_text(items[0].parsed.x), label: (item) => (item.dataset.label ? item.dataset.label + ' ' : '') + format(item.parsed.y)}},
    }),
  }));
  const box = el('div', {class: 'two part'},
      el('div', {}, el('h3', {}, 'Bytes a second'), area('Bytes read from disk a second, over time', timeline.disk_bytes, (value) => rate_text(value))),
      el('div', {}, el('h3', {}, 'Records a second'), area('Records read a second, over time', timeline.records, (value) => count_text(value))));
  const budget = layout.memory_bytes;
  // A line far above all would press the curve to the ground.
  const is_near = budget > 0 && Math.max(...timeline.rss) > budget / 4;
  const limit = () => !is_near ? [] : [{label: 'limit', data: [{x: 0, y: budget}, {x: timeline.seconds, y: budget}], borderColor: color_of('bad'),
                                           borderWidth: 1, borderDash: [4, 3], pointRadius: 0}];
  box.append(el('div', {}, el('h3', {}, 'Memory of a rank'), area('Memory of the rank that has most, over time', timeline.rss, (value) => bytes_text(Math.round(value)), {is_bytes: true, more: limit, most: is_near ? budget : 0}),
         el('p', {class: 'table-note'}, budget === 0 ? '' : (is_near ? 'the dashed line is what a rank may take, ' : 'a rank may take ') + bytes_text(budget))),
      el('div', {}, el('h3', {}, 'Memory of its tables'), area('Memory of tables of the rank that has most, over time', timeline.tables, (value) => bytes_text(Math.round(value)), {is_bytes: true})));
  return box;
}

function balance_part(run) {
  const how = run.how;
  const several_hosts = how.layout.host_count > 1;
  const columns = [{name: 'rank', kind: 'int'}, {name: 'host', kind: 'text'}, {name: 'units', kind: 'int'}, {name: 'read', kind: 'bytes'},
                   {name: 'records', kind: 'int'}, {name: 'at work', kind: 'share'}, {name: 'peak memory', kind: 'bytes'}];
  const keep = columns.map((column, i) => i).filter((i) => several_hosts || i !== 1);
  const rows = how.ranks.map((row) => keep.map((i) => row[i]));
  const parts = [];
  if (how.layout.ranks > how.ranks.length) {
    const labels = how.balance.map(([first, last]) => first === last ? String(first) : first + '–' + last);
    parts.push(chart_figure('Share of time at work by groups of ranks', 200, () =>
        bins_config(labels, labels.map((label, i) => 'ranks ' + label + ': mean ' + share_text(how.balance[i][3], 1) + ', least ' +
            share_text(how.balance[i][2], 1)), how.balance.map((row) => Math.round(1000 * row[3]) / 10), 'rank'), 'percent of their time that ranks were at work, mean of each group'));
  }
  parts.push(data_table({label: 'Balance over the ranks', columns: keep.map((i) => columns[i]), rows, first: 16,
      note: how.layout.ranks > rows.length ? 'The ' + rows.length / 2 + ' least and the ' + rows.length / 2 + ' most busy of ' + integer(how.layout.ranks) + ' ranks.' : ''}));
  return part('Balance over the ranks', ...parts);
}

// How often the run was begun, and how each attempt ended.
function attempts_part(run) {
  const attempts = run.how.attempts;
  const time = (utc) => utc === '' ? null : utc.replace('T', ' ').replace('Z', '');
  const in_slurm = attempts.some((row) => row[7] !== '');
  const columns = [{name: 'attempt', kind: 'int'}, {name: 'begun (UTC)', kind: 'text'}, {name: 'ended (UTC)', kind: 'text'}, {name: 'ranks x threads', kind: 'text'},
                   {name: 'hosts', kind: 'text'}, {name: 'Slurm job', kind: 'text'}, {name: 'units', kind: 'int'}, {name: 'how it ended', kind: 'text'}];
  const keep = columns.map((column, i) => i).filter((i) => in_slurm || i !== 5);
  const rows = attempts.map(([number, begun, ended, ranks, threads, host_count, hosts, job, units, how]) =>
      [number, time(begun), time(ended), ranks === 0 ? null : ranks + ' x ' + threads, host_count > 8 ? hosts + ', ... (' + integer(host_count) + ')' : hosts || null,
       job || null, units, how]).map((row) => keep.map((i) => row[i]));
  const note = run.totals.attempt > attempts.length ? 'The first and the last of ' + counted(run.totals.attempt, 'attempt') + '.' : '';
  return part(counted(run.totals.attempt, 'attempt'), data_table({label: 'Attempts', columns: keep.map((i) => columns[i]), rows, first: 16, note}));
}
