'use strict';
// Reads out the figures, hides their series, plays their episodes. All data are in the
// page without it: in the tables, and in the CSV files that the links hold.
{
  const text = value => String(value).replace('-', '−');
  const shown = (value, digits) =>
    text(value.toLocaleString('en', { maximumSignificantDigits: digits }));

  const placed = x => shown(x, Number.isInteger(x) ? 15 : 4);

  /** An element of HTML. */
  const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };

  /** An element of a drawing. */
  const draw = (svg, name, attributes) => {
    const element = document.createElementNS(svg.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  const swatch = series => {
    const mark = make('i', { className: 'swatch' });
    mark.style.setProperty('--light', series.color);
    mark.style.setProperty('--dark', series.dark);
    return mark;
  };

  /** The rows of numbers in a CSV file; what is not there is NaN. */
  const numbers = link => {
    const file = decodeURIComponent(link.href.slice(link.href.indexOf(',') + 1));
    const rows = file.trim().split('\n').slice(1);
    return rows.map(row => row.trim().split(',').map(cell => (cell === '' ? NaN : Number(cell))));
  };

  /** Of some rows that have a number in a column, the one nearest to a place. */
  const nearest = (rows, column, place) => {
    let best = null;
    for (const row of rows) {
      if (Number.isNaN(row[column])) continue;
      if (best === null || Math.abs(row[0] - place) < Math.abs(best[0] - place)) best = row;
    }
    return best;
  };

  /** Pixels of a value on an axis: its ends, and the pixels of these. */
  const at = ([low, high, from, to], value) => from + ((value - low) / (high - low)) * (to - from);
  const within = (value, one, other) => Math.min(one, other) <= value && value <= Math.max(one, other);

  /** The place of a pointer in the units of a drawing. */
  const pointed = (svg, event) => {
    const box = svg.getBoundingClientRect();
    const { width, height } = svg.viewBox.baseVal;
    const x = ((event.clientX - box.left) * width) / box.width;
    const y = ((event.clientY - box.top) * height) / box.height;
    return { x, y };
  };

  const readCharts = (figure, layout, panel) => {
    const svg = figure.querySelector('svg');
    const rows = numbers(figure.querySelector('a.csv'));
    const hidden = new Set();
    const cursor = draw(svg, 'g', { 'aria-hidden': 'true', 'pointer-events': 'none' });
    svg.append(cursor);
    const told = layout.plots.flatMap(plot =>
      plot.series.filter(series => series.group === null).map(series => ({ plot, series })));
    const main = told.filter(({ series }) => !series.level).map(({ series }) => series.column);
    const places = rows.filter(row => main.some(column => !Number.isNaN(row[column])));
    if (places.length === 0) return;

    const slider = make('input', { type: 'range', min: 0, max: places.length - 1, step: 1 });
    slider.value = places.length - 1;
    const place = make('output');
    const name = make('span', { textContent: layout.x });
    const values = make('ul', { className: 'told' });
    const label = make('label', {}, name, slider);
    panel.append(make('div', { className: 'along' }, label, place), values);

    const words = ({ plot, series }, row) => {
      const several = layout.plots.length > 1;
      const alone = several && plot.series.filter(other => other.group === null).length === 1;
      const title = [several ? plot.name : '', alone ? '' : series.name].filter(Boolean).join(', ');
      const [y, low, high] = row.slice(series.column);
      const ends = series.ends && !Number.isNaN(low) ? ` [${shown(low, 4)}, ${shown(high, 4)}]` : '';
      return `${title} ${shown(y, 4)}${ends}`;
    };

    const show = marked => {
      const x = places[slider.value][0];
      place.textContent = placed(x);
      cursor.replaceChildren();
      const lines = [];
      for (const one of told) {
        const { plot, series } = one;
        const row = hidden.has(series.name) ? null : nearest(rows, series.column, x);
        if (row === null) continue;
        const line = words(one, row);
        lines.push(line);
        one.item.lastChild.textContent = line;
        if (!marked) continue;
        const [left, top] = [at(plot.x, series.level ? x : row[0]), at(plot.y, row[series.column])];
        if (within(top, plot.y[2], plot.y[3]) && within(left, plot.x[2], plot.x[3])) {
          cursor.append(draw(svg, 'circle', { cx: left, cy: top, r: 4, fill: series.color }));
        }
      }
      for (const one of told) one.item.hidden = hidden.has(one.series.name);
      if (marked) {
        for (const plot of layout.plots) {
          const left = at(plot.x, x);
          if (!within(left, plot.x[2], plot.x[3])) continue;
          const [y1, y2] = [plot.y[2], plot.y[3]];
          cursor.prepend(draw(svg, 'line', { x1: left, x2: left, y1, y2, stroke: '#57606a' }));
        }
      }
      slider.setAttribute('aria-valuetext', `${placed(x)}: ${lines.join('; ')}`);
    };

    for (const one of told) {
      one.item = make('li', {}, swatch(one.series), make('span'));
      values.append(one.item);
    }
    const groups = new Map();
    for (const { series } of layout.plots.flatMap(plot => plot.series.map(series => ({ series })))) {
      const group = series.group ?? series.name;
      if (!groups.has(group)) groups.set(group, series);
    }
    if (groups.size > 1) panel.append(toggles(svg, groups, hidden, () => show(false)));

    slider.addEventListener('input', () => show(true));
    slider.addEventListener('blur', () => cursor.replaceChildren());
    svg.addEventListener('pointermove', event => {
      const { x, y } = pointed(svg, event);
      const inside = plot => within(x, plot.x[2], plot.x[3]) && within(y, plot.y[2], plot.y[3]);
      const plot = layout.plots.find(inside);
      if (plot === undefined) return;
      const [low, high, from, to] = plot.x;
      const value = low + ((x - from) / (to - from)) * (high - low);
      const distance = row => Math.abs(row[0] - value);
      let best = 0;
      places.forEach((row, index) => {
        if (distance(row) < distance(places[best])) best = index;
      });
      slider.value = best;
      show(true);
    });
    svg.addEventListener('pointerleave', () => cursor.replaceChildren());
    show(false);
  };

  /** A box for every series, or all single seeds of one, that shows or hides it. */
  const toggles = (svg, groups, hidden, changed) => {
    const list = make('ul', { className: 'series' });
    list.setAttribute('aria-label', 'Series to show');
    for (const [group, series] of groups) {
      const box = make('input', { type: 'checkbox', checked: true });
      box.addEventListener('change', () => {
        if (box.checked) hidden.delete(group);
        else hidden.add(group);
        for (const part of svg.querySelectorAll('g[data-series]')) {
          if (part.dataset.series === group) part.toggleAttribute('hidden', !box.checked);
        }
        changed();
      });
      list.append(make('li', {}, make('label', {}, box, swatch(series), group)));
    }
    return list;
  };

  const playEpisodes = (figure, layout, panel) => {
    const svg = figure.querySelector('svg');
    const last = layout.steps;
    const drawn = draw(svg, 'g', { 'aria-hidden': 'true' });
    svg.append(drawn);
    const button = make('button', { type: 'button', className: 'play', textContent: 'Play' });
    const slider = make('input', { type: 'range', min: 0, max: last, step: 1 });
    slider.value = last;
    const place = make('output');
    const label = make('label', {}, make('span', { textContent: 'Step' }), slider);
    panel.append(make('div', { className: 'along' }, button, label, place));
    let timer = null;

    const show = () => {
      const step = Number(slider.value);
      place.textContent = `${step} of ${last}`;
      slider.setAttribute('aria-valuetext', place.textContent);
      for (const part of svg.querySelectorAll('g[data-step]')) {
        part.toggleAttribute('hidden', Number(part.dataset.step) >= step);
      }
      for (const part of svg.querySelectorAll('g[data-ways]')) {
        part.toggleAttribute('hidden', step !== last);
      }
      drawn.replaceChildren();
      if (step === last) return;
      for (const way of layout.ways) {
        const points = way.slice(0, step + 1);
        const [cx, cy] = points[points.length - 1];
        drawn.append(
          draw(svg, 'polyline', { points: points.join(' '), fill: 'none', stroke: '#0072b2', 'stroke-width': 2 }),
          draw(svg, 'circle', { cx, cy, r: 5, fill: '#0072b2' }),
        );
      }
    };
    const stop = () => {
      clearInterval(timer);
      timer = null;
      button.textContent = 'Play';
    };
    button.addEventListener('click', () => {
      if (timer !== null) return stop();
      if (Number(slider.value) === last) slider.value = 0;
      button.textContent = 'Pause';
      show();
      timer = setInterval(() => {
        slider.value = Number(slider.value) + 1;
        show();
        if (Number(slider.value) === last) stop();
      }, Math.max(40, Math.min(400, 8000 / last)));
    });
    slider.addEventListener('input', () => {
      stop();
      show();
    });
    show();
  };

  for (const data of document.querySelectorAll('script[type="application/json"]')) {
    const figure = data.closest('figure');
    const layout = JSON.parse(data.textContent);
    const panel = make('div', { className: 'reading' });
    figure.querySelector('.card').after(panel);
    if (layout.plots.length > 0) readCharts(figure, layout, panel);
    if (layout.steps > 0) playEpisodes(figure, layout, panel);
  }
}
