"""Judges that run in the page."""

from __future__ import annotations

# What reaches beyond the right edge of the window and is not inside something that scrolls by itself or cuts it off.
OVERFLOWING = """() => Array.from(document.querySelectorAll("body *")).filter((element) => {
  const box = element.getBoundingClientRect();
  if (box.width === 0 || box.height === 0 || box.right <= window.innerWidth + 0.5) return false;
  for (let around = element.parentElement; around; around = around.parentElement) {
    if (around !== document.body && ["auto", "scroll", "hidden"].includes(getComputedStyle(around).overflowX)) {
      return around.getBoundingClientRect().right > window.innerWidth + 0.5;
    }
  }
  return true;
}).map((element) => `${element.tagName} ${element.textContent.trim().slice(0, 40)}`)"""

# Each visible text of the page with its contrast to what is behind it (WCAG 2.2, relative luminance).
CONTRASTS = """() => {
  const channels = (colour) => (colour.match(/[0-9.]+/g) || []).map(Number);
  const luminance = ([red, green, blue]) => {
    const linear = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  };
  const behind = (element) => {
    for (let around = element; around; around = around.parentElement) {
      const style = getComputedStyle(around);
      const colour = channels(style.backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99) return colour;
      if (around.classList.contains("main-svg") && around.style.background) return channels(around.style.background);
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (!text || ["SCRIPT", "STYLE", "TITLE", "title", "NOSCRIPT"].includes(element.tagName)) continue;
    const visible = element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    if (!visible || element.closest(".hoverlayer, .cbaxis, .heatmaplayer, option")) continue;
    const style = getComputedStyle(element);
    const drawn = element.namespaceURI.endsWith("svg") ? style.fill : style.color;
    const [first, second] = [luminance(channels(drawn)), luminance(behind(element))].sort((a, b) => b - a);
    found.push([text, (first + 0.05) / (second + 0.05)]);
  }
  return found;
}"""

# What can be operated or stands for a picture, and has no name to be read out.
UNNAMED = """() => Array.from(document.querySelectorAll(
  "main button, main select, main summary, main a, main [role=img], main svg:not([aria-hidden]), main img"
)).filter((element) => {
  if (element.closest("[role=img]") && element.closest("[role=img]") !== element) return false;
  const label = element.closest("label");
  return !(element.getAttribute("aria-label") || element.textContent.trim() || (label && label.textContent.trim()));
}).map((element) => element.outerHTML.slice(0, 80))"""
