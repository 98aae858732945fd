// The npm package `rtpmidi` as a peer: `npm.js host PORT`, or `npm.js join PORT HOST PORT`.
//
// Each line of stdin is what goes out in one packet: messages in hexadecimal digits with commas between them. At its end
// the peer says goodbye. It prints `open`, `heard OCTETS` and `closed`.
'use strict';

const readline = require('readline');
// It says at once what it misses on this machine, on stdout.
require('rtpmidi/src/logger').silent = true;
const { Session } = require('rtpmidi');

const [role, port, host, hostPort] = process.argv.slice(2);
const session = new Session(Number(port), 'npm', 'npm', undefined, false, 4);

// It can send only behind a comparison of clocks, of which it says nothing.
function whenReady(then) {
  const ready = session.streams.some(
    (stream) => stream.isConnected && stream.latency !== null && stream.timeDifference !== null,
  );
  if (ready) {
    then();
  } else {
    setTimeout(() => whenReady(then), 10);
  }
}

function play(line) {
  const now = session.startTime + session.now();
  line.split(',').forEach((message) => {
    session.sendMessage(now, Array.from(Buffer.from(message.replace(/ /g, ''), 'hex')));
  });
}

session.on('message', (delta, message) => console.log(`heard ${Buffer.from(message).toString('hex')}`));
session.on('streamRemoved', () => console.log('closed'));
session.on('ready', () => {
  if (role === 'join') {
    session.connect({ address: host, port: Number(hostPort) });
  }
  whenReady(() => {
    console.log('open');
    const lines = readline.createInterface({ input: process.stdin });
    lines.on('line', play);
    // What has just been read goes out when this turn of the loop is over.
    lines.on('close', () => setTimeout(() => session.end(() => process.exit(0)), 100));
  });
});
session.start();
