'use strict';

// Where time and memory went.

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
        ['writing', 'start and plan', run.seconds.plan], ['reading', 'work', run.seconds.work], ['computing', 'merge, outputs, report', run.seconds.merge]], seconds_text)));
  if (layout.ranks > 1) box.append(balance_part(run));
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
