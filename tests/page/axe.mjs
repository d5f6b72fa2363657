// What a report's page is like in a browser: it asks for nothing, breaks no rule of
// accessibility, fits its window, reads out its figures on hover and with the keyboard,
// hides series, and loses nothing without JavaScript.
//
//     apt-get install chromium && npm install puppeteer-core axe-core    # in any folder
//     NODE_PATH=that/folder/node_modules node tests/page/axe.mjs PAGE.html... [--shots FOLDER]
//
// One line a page and look; exit code 1 if anything is wrong. Not a part of CI, whose
// machines have no browser: the tests of crates/report check the page's text.

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(path.join(process.env.NODE_PATH ?? '.', 'x.js'));
const puppeteer = require('puppeteer-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const words = process.argv.slice(2);
const shots = words.includes('--shots') ? words.splice(words.indexOf('--shots'), 2)[1] : null;
if (shots !== null) mkdirSync(shots, { recursive: true });
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
let wrong = 0;

/** A page of its own for a file; what it asks for beyond the file, and what fails in it. */
const open = async (file, { scheme, width, script }) => {
  const page = await browser.newPage();
  const heard = [];
  const own = pathToFileURL(path.resolve(file)).href;
  page.on('request', it => {
    if (it.url() !== own && !it.url().startsWith('data:')) heard.push(`asks for ${it.url()}`);
  });
  page.on('pageerror', it => heard.push(`fails: ${it}`));
  await page.setJavaScriptEnabled(script);
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  await page.setViewport({ width, height: 900 });
  await page.goto(own);
  return { page, heard };
};

/** Violations of the rules in everything that can be opened. */
const violations = async page => {
  await page.evaluate(() => document.querySelectorAll('details').forEach(it => (it.open = true)));
  await page.evaluate(axe);
  const found = await page.evaluate(tags => globalThis.axe.run(document, { runOnly: tags }), RULES);
  return found.violations.map(
    it => `${it.id}: ${it.nodes.length} of ${it.nodes[0].target} (${it.nodes[0].failureSummary})`);
};

/** How the figures of a page answer to a pointer, the keyboard, and a series' box. */
const answers = async page => {
  const faults = [];
  const figures = await page.$$('figure:has(.told)');
  if (figures.length === 0) faults.push('no figure reads out values');
  for (const figure of figures) {
    const told = () => figure.$eval('.reading', it => it.textContent);
    const name = await figure.$eval('svg', it => it.getAttribute('aria-label'));
    const last = await told();
    const svg = await figure.$('svg');
    await svg.scrollIntoView();
    const box = await svg.boundingBox();
    const seen = new Set([last]);
    for (const [x, y] of [[0.2, 0.5], [0.3, 0.6], [0.15, 0.4], [0.25, 0.8]]) {
      await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
      seen.add(await told());
    }
    if (seen.size < 2) faults.push(`nothing changes on hover: ${name}`);
    const slider = await figure.$('.reading input[type=range]');
    await slider.focus();
    await page.keyboard.press('Home');
    const first = await told();
    await page.keyboard.press('End');
    if (first === (await told())) faults.push(`nothing changes with the keyboard: ${name}`);
    const box1 = await figure.$('.reading input[type=checkbox]');
    if (box1 !== null) {
      const hidden = () => figure.$$eval('g[data-series][hidden]', it => it.length);
      await box1.click();
      if ((await hidden()) === 0) faults.push(`its box hides no series: ${name}`);
      await box1.click();
      if ((await hidden()) !== 0) faults.push(`its box shows no series again: ${name}`);
    }
  }
  for (const button of await page.$$('.play')) {
    const figure = await button.evaluateHandle(it => it.closest('figure'));
    const step = () => figure.$eval('.reading output', it => it.textContent);
    await button.click();
    await new Promise(done => setTimeout(done, 900));
    const moved = await step();
    await button.click();
    if (moved.startsWith('0 ')) faults.push('an episode does not play');
  }
  return faults;
};

for (const file of words) {
  for (const scheme of ['light', 'dark']) {
    for (const width of [1280, 400]) {
      const { page, heard } = await open(file, { scheme, width, script: true });
      const faults = [...(await violations(page))];
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 0) faults.push(`${over} pixels wider than its window`);
      await page.evaluate(() => document.querySelectorAll('details').forEach(it => (it.open = false)));
      if (shots !== null) {
        const name = `${path.basename(path.dirname(file))}-${path.basename(file, '.html')}`;
        await page.screenshot({ path: path.join(shots, `${name}-${scheme}-${width}.png`), fullPage: true });
      }
      faults.push(...(await answers(page)), ...heard);
      wrong += faults.length;
      console.log(`${file} ${scheme} ${width}: ${faults.length} wrong`);
      for (const fault of faults) console.log(`    ${fault}`);
      await page.close();
    }
  }
  const { page, heard } = await open(file, { scheme: 'light', width: 1280, script: false });
  const has = selector => page.$$eval(selector, found => found.length);
  const [figures, links, tables] = [await has('.card svg'), await has('a.csv[href^="data:"]'), await has('details.values table')];
  const lost = links !== tables || links === 0 ? [`${links} CSV files for ${tables} tables`] : [];
  wrong += lost.length + heard.length;
  console.log(`${file} without JavaScript: ${figures} figures, ${links} CSV files, ${tables} tables`);
  for (const fault of [...lost, ...heard]) console.log(`    ${fault}`);
  await page.close();
}
await browser.close();
process.exit(wrong === 0 ? 0 : 1);
