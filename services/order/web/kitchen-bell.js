// How a new order is heard: two soft tones, for as long as somebody wants them. Browsers make a page ask first.

import { recall, remember } from "/static/session.js";

const KEY = "kitchen.sound";
const TONES = [
  [659.25, 0],
  [880, 0.16],
];
let audio = null;

export function soundWanted() {
  return recall(KEY) === "on";
}

// Called from a press, which is what lets a page make sounds at all.
export function setSound(on) {
  remember(KEY, on ? "on" : "off");
  if (on) {
    audio ??= new AudioContext();
    audio.resume();
    ring();
  }
}

export function ring() {
  if (!soundWanted()) return;
  document.documentElement.dataset.rang = String(Number(document.documentElement.dataset.rang ?? 0) + 1);
  audio ??= new AudioContext();
  for (const [pitch, after] of TONES) play(pitch, audio.currentTime + after);
}

function play(pitch, at) {
  const tone = audio.createOscillator();
  const loudness = audio.createGain();
  tone.frequency.value = pitch;
  loudness.gain.setValueAtTime(0.0001, at);
  loudness.gain.exponentialRampToValueAtTime(0.3, at + 0.02);
  loudness.gain.exponentialRampToValueAtTime(0.0001, at + 0.5);
  tone.connect(loudness).connect(audio.destination);
  tone.start(at);
  tone.stop(at + 0.55);
}
