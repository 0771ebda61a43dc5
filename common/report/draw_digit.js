"use strict";

// Draw a digit, or another image: what the FPGA computes for it, in plain JavaScript.
//
// The first half does not use the page: fixed-point arithmetic, the network, centring as in MNIST, and preparation
// from the originals' size to the network's. Numbers of the network are integers, which JavaScript holds exactly up to 2^53. The
// second half, startDrawing, ties this to the page.

// ---------------------------------------------------------------- the network

/** Return an integer with `fraction` fraction bits as the fixed-point type `type` represents it. */
function castInteger(value, fraction, type) {
  const scaled = value * 2 ** (type.fraction - fraction); // exact: only the exponent changes
  let rounded = Math.floor(type.rounding === "RND" ? scaled + 0.5 : scaled);
  if (type.rounding === "RND_CONV") {
    const rest = scaled - rounded;
    if (rest > 0.5 || (rest === 0.5 && rounded % 2 !== 0)) rounded += 1;
  }
  const low = type.signed ? -(2 ** (type.width - 1)) : 0;
  const count = 2 ** type.width;
  if (type.overflow === "SAT") return Math.min(Math.max(rounded, low), low + count - 1);
  return ((((rounded - low) % count) + count) % count) + low;
}

/**
 * Run an exported network.
 *
 * @param network as common/hls/integer_network.py exports it
 * @param given integers of one layer or of several, by name; layers before them are left out
 * @returns the given integers and those of all layers after them, by name
 */
function evaluateNetwork(network, given) {
  const values = { ...given };
  const types = {};
  for (const layer of network.layers) {
    types[layer.name] = layer.type;
    const source = values[layer.input];
    const other = values[layer.to ?? layer.input]; // of a distance
    if (source === undefined || other === undefined || layer.name in values) continue;
    const fraction = types[layer.input].fraction;
    if (layer.kind === "dense") {
      values[layer.name] = multiply(layer, source);
    } else if (layer.kind === "lookup") {
      values[layer.name] = source.map((value) => layer.table[value - layer.low]);
    } else if (layer.kind === "distance") {
      const distances = source.map((value, pixel) => Math.abs(value * layer.scales[0] - other[pixel] * layer.scales[1]));
      values[layer.name] = [distances.reduce((sum, distance) => sum + distance ** layer.power, 0)];
    } else if (layer.kind === "cells") {
      const size = 2 ** layer.cell.width;
      const codes = source.map((value) => (castInteger(value, fraction, layer.cell) + size) % size);
      values[layer.name] = [layer.table[codes.reduce((address, code) => address * size + code, 0)]];
    } else if (layer.kind === "threshold") {
      values[layer.name] = [source[0] > layer.threshold ? 1 : 0];
    } else {
      values[layer.name] = source.map((value) => castInteger(layer.relu ? Math.max(value, 0) : value, fraction, layer.type));
    }
  }
  return values;
}

function multiply(layer, source) {
  const accumulator = layer.accumulator;
  const shift = 2 ** layer.shift;
  return layer.bias.map((bias, node) => {
    let sum = 0;
    for (let index = 0; index < source.length; index += 1) sum += layer.weights[index][node] * source[index];
    const held = castInteger(sum * shift + bias, accumulator.fraction, accumulator);
    return castInteger(held, accumulator.fraction, layer.type);
  });
}

// ---------------------------------------------------------------- from strokes to an original

const MNIST = { field: 28, box: 20, pen: 2.4, centre: 14.5 }; // image, box that a digit is fitted into, width of strokes (the median), centre of mass [pixel]
const FILLED = 20 / 22; // share of an image without margin that a drawing is fitted into
const SMALLEST = 0.12; // extent, of the pad's, below which strokes are not magnified further

/** Return the geometry of originals of `field` x `field` pixels as MNIST's, magnified; without margin if none is cropped. */
function geometryOf(field, hasMargin) {
  const box = hasMargin ? (MNIST.box * field) / MNIST.field : FILLED * field;
  const scale = box / MNIST.box;
  const centre = field / 2 + (hasMargin ? (MNIST.centre - MNIST.field / 2) * scale : 0);
  return { field, box, pen: Math.max(MNIST.pen * scale, 1), centre };
}

/**
 * Return strokes prepared as in MNIST: fitted into a box, the centre of mass in the middle.
 *
 * @param strokes lists of points [x, y], from 0 at the left or upper edge of the pad to 1
 * @param geometry {field, box, pen, centre} [pixel]
 * @returns field x field intensities of 0 to 255, row by row
 */
function imageOfStrokes(strokes, geometry = MNIST) {
  const { field, box, pen, centre } = geometry;
  const points = strokes.flat();
  if (points.length === 0) return new Uint8Array(field * field);
  const bounds = [0, 1].map((axis) => {
    const along = points.map((point) => point[axis]);
    return [Math.min(...along), Math.max(...along)];
  });
  const extent = Math.max(...bounds.map(([low, high]) => high - low), SMALLEST);
  const scale = (box - pen) / extent;
  const middle = bounds.map(([low, high]) => (low + high) / 2);
  let image;
  let origin = [centre, centre];
  for (let pass = 0; pass < 2; pass += 1) {
    const placed = strokes.map((stroke) => stroke.map((point) => point.map((value, axis) => (value - middle[axis]) * scale + origin[axis])));
    image = inkOfStrokes(placed, geometry);
    const mass = centreOfMass(image, geometry);
    origin = origin.map((value, axis) => value + centre - mass[axis]);
  }
  return image;
}

/** Ink each pixel by its distance from the nearest stroke, with an edge one pixel wide. */
function inkOfStrokes(strokes, { field, pen }) {
  const image = new Uint8Array(field * field);
  const reach = pen / 2 + 0.5;
  for (const stroke of strokes) {
    stroke.forEach((end, index) => {
      const start = stroke[Math.max(index - 1, 0)];
      const range = (axis) => [
        Math.max(Math.floor(Math.min(start[axis], end[axis]) - reach), 0),
        Math.min(Math.ceil(Math.max(start[axis], end[axis]) + reach), field),
      ];
      const [left, right] = range(0);
      const [upper, lower] = range(1);
      for (let row = upper; row < lower; row += 1) {
        for (let column = left; column < right; column += 1) {
          const ink = Math.min(Math.max(reach - distance([column + 0.5, row + 0.5], start, end), 0), 1);
          const pixel = row * field + column;
          image[pixel] = Math.max(image[pixel], Math.round(255 * ink));
        }
      }
    });
  }
  return image;
}

/** Return the distance of a point from the line between `start` and `end`. */
function distance(point, start, end) {
  const along = [end[0] - start[0], end[1] - start[1]];
  const length = along[0] ** 2 + along[1] ** 2;
  const from = [point[0] - start[0], point[1] - start[1]];
  const part = length === 0 ? 0 : Math.min(Math.max((from[0] * along[0] + from[1] * along[1]) / length, 0), 1);
  return Math.hypot(from[0] - part * along[0], from[1] - part * along[1]);
}

function centreOfMass(image, { field, centre }) {
  let mass = 0;
  const sums = [0, 0];
  image.forEach((ink, pixel) => {
    mass += ink;
    sums[0] += ink * ((pixel % field) + 0.5);
    sums[1] += ink * (Math.floor(pixel / field) + 0.5);
  });
  return mass === 0 ? [centre, centre] : sums.map((sum) => sum / mass);
}

// ---------------------------------------------------------------- from an original to the network's input

/**
 * Crop, downsample and round down as stage 01 does, to the bit.
 *
 * What scikit-image's resize computes is float32, and one pixel of the 4.5 million of MNIST lies so close to a step that
 * it matters: so float32 is rounded to here wherever it is stored there, after each of the two smoothings and at the end.
 * SciPy's zoom is a matrix along both directions, in float64, rounded to the nearest of 0 to 255 at the end.
 *
 * @param image field x field intensities of 0 to 255
 * @param preparation {method, field, cropped, size, levels} and, by method, the taps of a Gaussian ("anti_aliased"), a
 *   stride ("every_third_pixel") or a matrix ("spline_zoom")
 * @returns size x size levels of 0 to levels - 1
 */
function prepareImage(image, preparation) {
  const { field, cropped, size, levels } = preparation;
  const first = Math.floor((field - cropped) / 2);
  const kept = Array.from({ length: cropped * cropped }, (_, index) => {
    return image[(first + Math.floor(index / cropped)) * field + first + (index % cropped)];
  });
  return DOWNSAMPLING[preparation.method](kept, preparation).map((value) => Math.min(Math.floor(value / (256 / levels)), levels - 1));
}

/** Ways from cropped x cropped to size x size intensities, by their method. */
const DOWNSAMPLING = {
  none: (kept) => kept,
  anti_aliased: (kept, { cropped, size, taps }) => resize(smooth(smooth(kept, cropped, cropped, taps), cropped, 1, taps), cropped, size),
  every_third_pixel: (kept, { cropped, size, stride }) => pickPixels(kept, cropped, size, stride),
  spline_zoom: (kept, { cropped, matrix }) => zoom(kept, cropped, matrix),
};

/** Smooth along one direction; `stride` is the distance of neighbours: 1 within a row, `side` within a column. */
function smooth(image, side, stride, taps) {
  const radius = (taps.length - 1) / 2;
  return image.map((_, index) => {
    const place = stride === 1 ? index % side : Math.floor(index / side);
    const value = (step) => image[index + (mirrored(place + step, side) - place) * stride];
    let sum = value(0) * taps[radius];
    for (let step = radius; step > 0; step -= 1) sum += (value(-step) + value(step)) * taps[radius - step];
    return Math.fround(sum);
  });
}

function mirrored(place, side) {
  if (place < 0) return -place;
  return place < side ? place : 2 * (side - 1) - place;
}

/** Sample an image at the centres of `size` x `size` pixels, between its own pixels linearly. */
function resize(image, side, size) {
  const samples = Array.from({ length: size }, (_, index) => {
    const place = ((index + 0.5) * side) / size - 0.5;
    return { before: Math.floor(place), part: place - Math.floor(place) };
  });
  return samples.flatMap((row) => samples.map((column) => {
    let sum = 0;
    for (const [down, height] of [[0, 1 - row.part], [1, row.part]]) {
      for (const [right, width] of [[0, 1 - column.part], [1, column.part]]) {
        const [lower, further] = [row.before + down, column.before + right].map((each) => mirrored(each, side));
        sum += image[lower * side + further] * height * width;
      }
    }
    return Math.fround(sum);
  }));
}

function pickPixels(image, side, size, stride) {
  return Array.from({ length: size * size }, (_, index) => image[Math.floor(index / size) * stride * side + (index % size) * stride]);
}

function zoom(image, side, matrix) {
  const dot = (weights, value) => weights.reduce((sum, weight, index) => sum + weight * value(index), 0);
  const rows = matrix.map((weights) => Array.from({ length: side }, (_, column) => dot(weights, (row) => image[row * side + column])));
  return rows.flatMap((row) => matrix.map((weights) => Math.min(Math.max(Math.floor(dot(weights, (column) => row[column]) + 0.5), 0), 255)));
}

// ---------------------------------------------------------------- the page

const MOST_BARS = 10;
const MAP_SIDE = 720; // pixels of the latent map's canvas
const MAP_MARGIN = { left: 92, right: 16, top: 16, bottom: 70 };
const SPREAD = [0.7548776662466927, 0.5698402909980532]; // multiples of these, modulo 1, fill a square evenly
const PAPER = "#ffffff";
const INK = "#000000";
const GREY = "#777777";

/** Connect the page's elements to the network; `data` is what common/report/draw_digit.py puts into the page. */
function startDrawing(data) {
  const element = (name) => document.getElementById(`draw-${name}`);
  const { network, inputLayer, latentLayer, imageLayer, logitLayer } = data;
  const types = Object.fromEntries(network.layers.map((layer) => [layer.name, layer.type]));
  const unit = (layer) => 2 ** types[layer].fraction;
  const latentUnit = unit(latentLayer);
  const names = data.classNames;
  const { field, cropped } = data.preparation;
  const geometry = geometryOf(field, cropped < field);
  const { plane } = data; // null unless the latent space has two dimensions
  // On a coarse plane many test images share a point: they are spread within its cell.
  const isCoarse = types[latentLayer].width <= 8;
  const [lowest, range] = plane === null ? [] : [plane.low.map((value) => (value - (isCoarse ? 0.6 : 0)) / latentUnit), plane.high.map((value) => value / latentUnit)];
  if (plane !== null && isCoarse) element("map-label").textContent += "; images on one point are spread around it";
  let strokes = [];

  // An image as a canvas of as many pixels as it has; the page's style magnifies it.
  function paintImage(canvas, values, largest) {
    const side = canvas.width;
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(side, side);
    values.forEach((value, index) => {
      pixels.data.fill(255 - Math.round((255 * value) / largest), 4 * index, 4 * index + 3);
      pixels.data[4 * index + 3] = 255;
    });
    context.putImageData(pixels, 0, 0);
  }

  function paintPad() {
    const canvas = element("pad");
    const context = canvas.getContext("2d");
    context.fillStyle = PAPER;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.strokeStyle = INK;
    context.lineWidth = canvas.width / 14;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of strokes) {
      context.beginPath();
      stroke.concat([stroke[stroke.length - 1]]).forEach(([x, y], index) => {
        context[index ? "lineTo" : "moveTo"](x * canvas.width, y * canvas.height);
      });
      context.stroke();
    }
  }

  const frame = {
    left: MAP_MARGIN.left,
    top: MAP_MARGIN.top,
    width: MAP_SIDE - MAP_MARGIN.left - MAP_MARGIN.right,
    height: MAP_SIDE - MAP_MARGIN.top - MAP_MARGIN.bottom,
  };
  const placeOf = ([x, y]) => [
    frame.left + ((x - lowest[0]) / (range[0] - lowest[0])) * frame.width,
    frame.top + (1 - (y - lowest[1]) / (range[1] - lowest[1])) * frame.height,
  ];
  const map = plane === null ? null : paintMap();

  // The test images never move: they are painted once.
  function paintMap() {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = MAP_SIDE;
    const context = canvas.getContext("2d");
    context.fillStyle = PAPER;
    context.fillRect(0, 0, MAP_SIDE, MAP_SIDE);
    const bytes = Uint8Array.from(atob(plane.points), (letter) => letter.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    for (let start = 0; start < bytes.length; start += 9) {
      const point = [view.getInt32(start, true), view.getInt32(start + 4, true)];
      const spread = SPREAD.map((step) => (isCoarse ? 0.8 * (((start / 9) * step) % 1) - 0.4 : 0));
      const [x, y] = placeOf(point.map((value, axis) => (value + spread[axis]) / latentUnit));
      context.fillStyle = data.colours[bytes[start + 8]];
      context.fillRect(x - 1.5, y - 1.5, 3, 3);
    }
    paintAxes(context);
    context.textAlign = "center";
    context.textBaseline = "middle";
    const size = names.length > 12 ? 18 : 24;
    context.font = `bold ${size}px sans-serif`;
    plane.medians.forEach((median, label) => {
      if (median === null) return;
      const [x, y] = placeOf(median.map((value) => value / latentUnit));
      const half = names[label].length === 1 ? 0 : Math.max(context.measureText(names[label]).width / 2 - size / 4, 0); // of the straight part of the rim
      context.beginPath();
      context.arc(x - half, y, 0.75 * size, Math.PI / 2, 1.5 * Math.PI);
      context.arc(x + half, y, 0.75 * size, -Math.PI / 2, Math.PI / 2);
      context.closePath();
      context.fillStyle = PAPER;
      context.fill();
      context.lineWidth = 4;
      context.strokeStyle = data.colours[label];
      context.stroke();
      context.fillStyle = INK;
      context.fillText(names[label], x, y + 1);
    });
    return canvas;
  }

  function paintAxes(context) {
    context.strokeStyle = context.fillStyle = INK;
    context.lineWidth = 1.5;
    context.font = "24px sans-serif";
    context.strokeRect(frame.left, frame.top, frame.width, frame.height);
    [0, 1].forEach((axis) => {
      const step = niceStep(range[axis] - lowest[axis]);
      for (let tick = Math.ceil(lowest[axis] / step); tick * step <= range[axis]; tick += 1) {
        const value = Number((tick * step).toPrecision(6));
        const [x, y] = axis === 0 ? placeOf([value, lowest[1]]) : placeOf([lowest[0], value]);
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(axis === 0 ? x : x + 10, axis === 0 ? y - 10 : y);
        context.stroke();
        context.textAlign = axis === 0 ? "center" : "right";
        context.textBaseline = axis === 0 ? "top" : "middle";
        context.fillText(signed(value), axis === 0 ? x : x - 10, axis === 0 ? y + 8 : y);
      }
    });
    context.textAlign = "right";
    context.textBaseline = "bottom";
    context.fillText("latent coordinate z\u2081", frame.left + frame.width, MAP_SIDE - 4);
    context.save();
    context.rotate(-Math.PI / 2);
    context.textBaseline = "top";
    context.fillText("latent coordinate z\u2082", -frame.top, 4);
    context.restore();
  }

  function paintPoint(latent) {
    if (plane === null) return;
    const context = element("map").getContext("2d");
    context.drawImage(map, 0, 0);
    const [x, y] = placeOf(latent.map((value, axis) => Math.min(Math.max(value / latentUnit, lowest[axis]), range[axis])));
    context.lineWidth = 1.5;
    context.strokeStyle = GREY;
    context.beginPath();
    context.moveTo(frame.left, y);
    context.lineTo(x, y);
    context.lineTo(x, frame.top + frame.height);
    context.stroke();
    context.beginPath();
    context.arc(x, y, 13, 0, 2 * Math.PI);
    context.lineWidth = 5;
    context.strokeStyle = PAPER;
    context.stroke();
    context.beginPath();
    context.arc(x, y, 10, 0, 2 * Math.PI);
    context.fillStyle = INK;
    context.fill();
  }

  // Of many classes, the bars are those of the largest logits.
  const isSorted = names.length > MOST_BARS;
  const bars = Array.from({ length: Math.min(names.length, MOST_BARS) }, () => {
    const row = element("logits").appendChild(document.createElement("li"));
    const [name, track, number] = ["span", "div", "output"].map((tag) => row.appendChild(document.createElement(tag)));
    const bar = track.appendChild(document.createElement("i"));
    return { row, name, bar, number };
  });
  const longest = Math.max(...names.map((name) => name.length));
  element("logits").style.setProperty("--name", longest <= 2 ? "14px" : `min(${longest}ch, 45%)`);

  function showLogits(logits) {
    const scale = unit(logitLayer);
    const decided = logits.indexOf(Math.max(...logits));
    const labels = [...logits.keys()];
    if (isSorted) labels.sort((one, other) => logits[other] - logits[one]);
    bars.forEach(({ row, name, bar, number }, place) => {
      const label = labels[place];
      const value = logits[label] / scale;
      const share = Math.min(Math.abs(logits[label]) / data.largestLogit, 1);
      row.className = label === decided ? "decided" : "";
      name.textContent = names[label];
      bar.style.width = `${50 * share}%`;
      bar.style.left = value < 0 ? `${50 - 50 * share}%` : "50%";
      number.textContent = signed(value.toFixed(2));
    });
    return names[decided];
  }

  // Everything downstream of the latent point, and the point itself.
  function show(values, levels) {
    paintPoint(values[latentLayer]);
    if (imageLayer !== null) paintImage(element("output"), values[imageLayer], unit(imageLayer));
    const decided = showLogits(values[logitLayer]);
    const point = values[latentLayer].map((value) => signed((value / latentUnit).toFixed(2)));
    const space = { 1: "Its latent coordinate is", 2: "Its point in the latent plane is" }[point.length] || "Its point in the latent space is";
    let words = point.length === 1 ? `${space} ${point[0]}.` : `${space} (${point.join(", ")}).`;
    if (levels && imageLayer !== null) {
      const error = values[imageLayer].map((value, pixel) => Math.abs(value / unit(imageLayer) - levels[pixel] / unit(inputLayer)));
      words += ` L1 of the reconstruction: ${(error.reduce((sum, value) => sum + value, 0) / error.length).toFixed(3)}.`;
    }
    if (levels && data.anomaly !== null) words += ` ${judged(levels)}`;
    const verdict = document.createElement("b");
    verdict.textContent = `Classified as ${decided}.`;
    element("verdict").replaceChildren(verdict, ` ${words}`);
    element("inputs").classList.toggle("aside", !levels);
    element("mnist").parentElement.classList.toggle("aside", strokes.length === 0); // a test image comes prepared
  }

  /** Return in words what the design that scores anomalies computes for an image. */
  function judged(levels) {
    const { network: scoring, score } = data.anomaly;
    const found = evaluateNetwork(scoring, { [inputLayer]: levels });
    const [scoreLayer, trigger] = scoring.outputs;
    const { fraction } = scoring.layers.find((layer) => layer.name === scoreLayer).type;
    const value = `Anomaly score ${score}: ${(found[scoreLayer][0] / 2 ** fraction).toFixed(2)}`;
    if (trigger === undefined) return `${value}.`;
    const { threshold } = scoring.layers.find((layer) => layer.name === trigger);
    const limit = (threshold / 2 ** fraction).toFixed(2);
    return `${value}, ${found[trigger][0] ? "above" : "up to"} the threshold ${limit}: ${found[trigger][0] ? "triggers" : "does not trigger"}.`;
  }

  function showLevels(levels) {
    paintImage(element("input"), levels, data.preparation.levels - 1);
    show(evaluateNetwork(network, { [inputLayer]: levels }), levels);
  }

  function showStrokes() {
    paintPad();
    const image = imageOfStrokes(strokes, geometry);
    paintImage(element("mnist"), image, 255);
    showLevels(prepareImage(image, data.preparation));
  }

  function showSample(sample) {
    strokes = [];
    paintPad();
    paintImage(element("mnist"), new Uint8Array(field * field), 255);
    showLevels(sample);
  }

  function showLatent([x, y]) {
    const shares = [(x * MAP_SIDE - frame.left) / frame.width, 1 - (y * MAP_SIDE - frame.top) / frame.height];
    const type = types[latentLayer];
    const smallest = type.signed ? -(2 ** (type.width - 1)) : 0;
    const largest = smallest + 2 ** type.width - 1;
    const latent = shares.map((share, axis) => {
      const value = (lowest[axis] + Math.min(share, 1) * (range[axis] - lowest[axis])) * latentUnit;
      return Math.min(Math.max(Math.round(value), smallest), largest);
    });
    show(evaluateNetwork(network, { [latentLayer]: latent }), null);
  }

  /** Call back with places of the pointer, 0 to 1 both ways, from when it is pressed on a canvas until it is let go. */
  function follow(canvas, onStart, onMove) {
    let pressed = null;
    const placeIn = (event) => {
      const box = canvas.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (pressed !== null || event.button !== 0) return;
      event.preventDefault();
      pressed = event.pointerId;
      canvas.setPointerCapture(pressed);
      onStart(placeIn(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== pressed) return;
      const passed = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      onMove((passed.length ? passed : [event]).map(placeIn));
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => {
        if (event.pointerId === pressed) pressed = null;
      });
    }
  }

  follow(
    element("pad"),
    (place) => {
      strokes.push([place]);
      showStrokes();
    },
    (places) => {
      strokes[strokes.length - 1].push(...places);
      showStrokes();
    },
  );
  if (plane !== null) follow(element("map"), showLatent, (places) => showLatent(places[places.length - 1]));
  element("clear").addEventListener("click", () => {
    strokes = [];
    showStrokes();
  });
  element("samples").classList.toggle("wide", longest > 2);
  data.samples.forEach((sample, label) => {
    if (sample === null) return;
    const button = element("samples").appendChild(document.createElement("button"));
    button.type = "button";
    button.textContent = names[label];
    button.title = `the first ${names[label]} of the test images`;
    button.addEventListener("click", () => showSample(sample));
  });
  showSample(data.samples.find((sample) => sample !== null));
}

/** Return a number as text with a minus sign, and without one where it is rounded to zero. */
function signed(value) {
  return Number(value) === 0 ? String(value).replace("-", "") : String(value).replace("-", "\u2212");
}

function niceStep(range) {
  const rough = range / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
}

if (typeof module === "object") module.exports = { castInteger, evaluateNetwork, geometryOf, imageOfStrokes, prepareImage };
