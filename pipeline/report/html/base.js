'use strict';

// An element. Children are elements or texts; texts only ever become text nodes.
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) {
      node.addEventListener(name.slice(2), value);
    } else {
      node.setAttribute(name, value === true ? '' : value);
    }
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// ---- numbers as people read them; the same forms as report.txt has ----

// '-1,234,567' from a number or a text of digits; what stands behind a point stays as it is.
function integer(value) {
  return String(value).replace(/^-?\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ','));
}

function three_digits(value) {
  return value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

function scaled(value, factor, units) {
  let unit = 0;
  while (value >= 999.5 && unit + 1 < units.length) {
    value /= factor;
    ++unit;
  }
  return three_digits(value) + ' ' + units[unit];
}

function bytes_text(bytes) {
  if (bytes < 1024) return bytes + ' B';
  return scaled(bytes / 1024, 1024, ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']);
}

function rate_text(bytes_per_second) {
  return scaled(bytes_per_second, 1000, ['B/s', 'kB/s', 'MB/s', 'GB/s', 'TB/s']);
}

function count_text(value) {
  if (value < 9999.5) return integer(Math.round(value));
  return scaled(value / 1000, 1000, ['k', 'M', 'G', 'T']);
}

function seconds_text(seconds) {
  if (seconds < 0.1) return (seconds * 1000).toFixed(1) + ' ms';
  if (seconds < 59.95) return three_digits(seconds) + ' s';
  const whole = Math.round(seconds);
  if (whole < 3600) return Math.floor(whole / 60) + ' min ' + String(whole % 60).padStart(2, '0') + ' s';
  const minutes = Math.round(whole / 60);
  return Math.floor(minutes / 60) + ' h ' + String(minutes % 60).padStart(2, '0') + ' min';
}

// Never '0.0 %' for something.
function share_text(part, whole) {
  if (whole <= 0) return '0.0 %';
  const share = part / whole;
  return part > 0 && share < 0.0005 ? '< 0.1 %' : (100 * share).toFixed(1) + ' %';
}

function counted(number, noun) {
  return integer(number) + ' ' + noun + (Number(number) === 1 ? '' : 's');
}

function float_text(value, decimals) {
  if (typeof value === 'string') return value;  // NaN and infinities
  if (decimals === null || decimals === undefined) return String(Number(value.toPrecision(6)));
  const [whole, rest] = value.toFixed(decimals).split('.');
  return integer(whole) + (rest === undefined ? '' : '.' + rest);
}

// A value of a column as text. `kind` is a type of a table's column, or says what a number is.
function value_text(value, column) {
  if (value === null) return '–';
  switch (column.kind) {
    case 'int': return integer(value);
    case 'float': return float_text(value, column.decimals);
    case 'bytes': return bytes_text(value);
    case 'rate': return rate_text(value);
    case 'seconds': return seconds_text(value);
    case 'share': return share_text(value, 1);
    case 'diff': return value;
    case 'bool': return value ? 'true' : 'false';
    default: return value === '' ? '""' : String(value);
  }
}

const NUMBER_KINDS = new Set(['int', 'float', 'bytes', 'rate', 'seconds', 'share']);

function is_number_kind(kind) {
  return NUMBER_KINDS.has(kind);
}

// Cut in the middle: the end of a path tells as much as its start.
function cut_middle(text, most) {
  const points = Array.from(text);
  if (points.length <= most) return text;
  const front = Math.ceil((most - 1) / 2);
  return points.slice(0, front).join('') + '…' + points.slice(points.length - (most - 1 - front)).join('');
}

// ---- theme ----

function is_dark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
}

function color_of(name) {
  return getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
}

function theme_button() {
  const button = el('button', {type: 'button', class: 'theme'});
  const show = () => {
    button.textContent = is_dark() ? 'Light' : 'Dark';
    button.setAttribute('aria-label', is_dark() ? 'Switch to light colours' : 'Switch to dark colours');
  };
  button.addEventListener('click', () => {
    const theme = is_dark() ? 'light' : 'dark';
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem('shardmill-theme', theme);
    } catch (error) {
      // A page from a file may not be allowed to keep anything.
    }
    show();
    redraw_charts();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    show();
    redraw_charts();
  });
  show();
  return button;
}

// ---- parts of a page ----

function page_head(title, program, where) {
  return el('header', {},
      el('a', {class: 'skip', href: '#main'}, 'Skip to the results'),
      el('div', {class: 'top'}, el('h1', {class: 'text'}, title),
         el('div', {class: 'program'}, program, theme_button())),
      el('p', {class: 'where'}, where));
}

function fact(label, value, remark) {
  return el('div', {}, el('dt', {}, label),
            el('dd', {}, value, remark ? el('small', {}, ' ' + remark) : null));
}

function bar(share, extra) {
  return el('span', {class: 'bar ' + (extra || ''), style: 'width:' + (100 * Math.min(1, Math.max(0, share))).toFixed(2) + '%'});
}

function legend(items) {
  return el('ul', {class: 'legend'}, items.map(([color, label]) =>
      el('li', {}, el('i', {style: 'background:var(--' + color + ')'}), label)));
}

function section(id, title, ...children) {
  return el('section', {id, 'aria-labelledby': id + '-title'}, el('h2', {id: id + '-title'}, title), ...children);
}

function part(title, ...children) {
  return el('div', {class: 'part'}, el('h3', {class: 'text'}, title), ...children);
}

function page_data() {
  return JSON.parse(document.getElementById('data').textContent);
}
