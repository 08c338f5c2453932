'use strict';

const charts = [];

// A chart that is made when it comes into view, and again when the theme changes.
//   make() gives Chart.js's configuration; the figure has redraw(height).
function chart_figure(label, height, make, caption) {
  const canvas = el('canvas', {role: 'img', 'aria-label': label});
  const area = el('div', {class: 'area', style: 'height:' + height + 'px'}, canvas);
  const figure = el('figure', {}, area, caption ? el('figcaption', {}, caption) : null);
  let chart = null;
  let is_seen = false;
  const draw = () => {
    if (!is_seen) return;
    if (chart !== null) chart.destroy();
    chart = new Chart(canvas, make());
  };
  const see = () => {
    if (is_seen) return;
    is_seen = true;
    draw();
  };
  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    see();
  }, {rootMargin: '400px'}).observe(area);
  charts.push({draw, see});
  figure.redraw = (new_height) => {
    if (new_height) area.style.height = new_height + 'px';
    draw();
  };
  figure.show = (yes) => {
    figure.style.display = yes ? '' : 'none';
  };
  return figure;
}

// A picture drawn by hand on a canvas: draw(context, width, height), again when its size changes.
function drawing(label, height, draw) {
  const canvas = el('canvas', {role: 'img', 'aria-label': label, style: 'display:block;width:100%;height:' + height + 'px'});
  const paint = () => {
    const width = canvas.clientWidth;
    if (width === 0) return;
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const context = canvas.getContext('2d');
    context.scale(scale, scale);
    context.font = '12px ' + getComputedStyle(document.body).fontFamily;
    draw(context, width, height);
  };
  new ResizeObserver(paint).observe(canvas);
  charts.push({draw: paint, see: paint});
  return el('figure', {}, canvas);
}

function redraw_charts() {
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  for (const chart of charts) chart.draw();
}

window.addEventListener('beforeprint', () => {
  for (const chart of charts) chart.see();
});

// What all charts share: no animation, no legend, hardly any grid.
function chart_options(extra) {
  const soft = color_of('soft');
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.color = soft;
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    ...extra,
    plugins: {
      legend: {display: false},
      tooltip: {displayColors: false, cornerRadius: 2, titleFont: {weight: 'normal'}, ...(extra.tooltip || {})},
      ...(extra.plugins || {}),
    },
  };
}

function axis(title, format, extra) {
  return {
    title: {display: !!title, text: title, color: color_of('soft')},
    grid: {color: color_of('line'), drawBorder: false, ...(extra && extra.grid)},
    border: {display: false},
    beginAtZero: true,
    ...extra,
    ticks: {callback: format, maxTicksLimit: 6, color: color_of('soft'), ...(extra && extra.ticks)},
  };
}

// Writes its value at the end of each bar, so that no scale is needed.
function bar_values(texts) {
  return {
    id: 'bar-values',
    afterDatasetsDraw(chart) {
      const {ctx} = chart;
      ctx.save();
      ctx.fillStyle = color_of('text');
      ctx.font = '12px ' + Chart.defaults.font.family;
      ctx.textBaseline = 'middle';
      chart.getDatasetMeta(0).data.forEach((rectangle, i) => {
        if (texts[i] === undefined) return;
        ctx.textAlign = rectangle.x < rectangle.base ? 'right' : 'left';
        ctx.fillText(texts[i], rectangle.x + (rectangle.x < rectangle.base ? -6 : 6), rectangle.y);
      });
      ctx.restore();
    },
  };
}

// Bars from left to right, a row each.
function bars_config(labels, values, texts, width) {
  const longest = Math.max(0, ...texts.map((text) => text.length));
  const label_width = width < 500 ? 18 : 40;
  return {
    type: 'bar',
    data: {labels: labels.map((label) => cut_middle(label, label_width)),
           datasets: [{data: values, backgroundColor: color_of('accent'), barThickness: 14, borderRadius: 1}]},
    options: chart_options({
      indexAxis: 'y',
      layout: {padding: {right: 10 + 7 * longest}},
      scales: {
        x: {display: false, beginAtZero: true},
        y: {grid: {display: false, drawBorder: false}, ticks: {autoSkip: false, color: color_of('text')}},
      },
      tooltip: {callbacks: {title: (items) => labels[items[0].dataIndex], label: (item) => texts[item.dataIndex]}},
    }),
    plugins: [bar_values(texts)],
  };
}

// Counts of neighbouring bins.
function bins_config(begins, titles, counts, x_title) {
  return {
    type: 'bar',
    data: {labels: begins, datasets: [{data: counts, backgroundColor: color_of('accent'), barPercentage: 1, categoryPercentage: 0.94}]},
    options: chart_options({
      scales: {
        x: {grid: {display: false}, title: {display: !!x_title, text: x_title, color: color_of('soft')},
            ticks: {maxRotation: 0, autoSkipPadding: 16, color: color_of('soft')}},
        y: axis('', (value) => count_text(value)),
      },
      tooltip: {callbacks: {title: (items) => titles[items[0].dataIndex], label: (item) => integer(item.raw)}},
    }),
  };
}

// A line over places in order, for instance over time.
function line_config(labels, values, texts) {
  return {
    type: 'line',
    data: {labels, datasets: [{data: values, borderColor: color_of('accent'), borderWidth: 2, pointRadius: values.length > 60 ? 0 : 2,
                               pointBackgroundColor: color_of('accent'), tension: 0}]},
    options: chart_options({
      interaction: {mode: 'index', intersect: false},
      scales: {
        x: {grid: {display: false}, ticks: {maxRotation: 0, autoSkipPadding: 16, color: color_of('soft')}},
        y: axis('', (value) => short_number(value)),
      },
      tooltip: {callbacks: {label: (item) => texts[item.dataIndex]}},
    }),
  };
}

function short_number(value) {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e15 || size < 1e-4) return value.toExponential(1);
  if (size >= 10000) return (value < 0 ? '-' : '') + count_text(size);
  return integer(Number(value.toPrecision(4)));
}

const LINE_COLORS = ['accent', 'computing', 'writing', 'decoding', 'good', 'bad'];

// Value over the share of records that are not greater; a line for each row.
function quantiles_config(shares, lines) {
  const all = lines.flatMap((line) => line.values).filter((value) => value !== null);
  const is_wide = Math.min(...all) > 0 && Math.max(...all) / Math.min(...all) > 500;
  return {
    type: 'line',
    data: {datasets: lines.map((line, i) => ({
      label: cut_middle(line.label, 40),
      data: shares.map((share, k) => ({x: share, y: line.values[k]})).filter((point) => point.y !== null),
      borderColor: color_of(LINE_COLORS[i % LINE_COLORS.length]),
      backgroundColor: color_of(LINE_COLORS[i % LINE_COLORS.length]),
      borderWidth: 2, pointRadius: 3, tension: 0,
    }))},
    options: chart_options({
      scales: {
        x: {type: 'linear', min: 0, max: 1, grid: {display: false}, title: {display: true, text: 'share of values that are not greater', color: color_of('soft')},
            ticks: {callback: (value) => Math.round(100 * value) + ' %', color: color_of('soft')}},
        y: {...axis('', (value) => short_number(value)), type: is_wide ? 'logarithmic' : 'linear', beginAtZero: false},
      },
      plugins: {legend: {display: lines.length > 1, position: 'bottom', align: 'start', labels: {boxWidth: 10, boxHeight: 10, color: color_of('text')}},
                tooltip: {displayColors: false, callbacks: {title: () => '', label: (item) =>
                    item.dataset.label + ', ' + (100 * item.parsed.x).toFixed(0) + ' %: ' + short_number(item.parsed.y)}}},
    }),
  };
}
