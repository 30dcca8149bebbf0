// node retained_sizes.cjs MODULES EXPORT SIZES: retained sizes of every object as @memlab/core computes them from the
// export, compared with those in SIZES (written by retained_sizes.cc). Prints JSON.
'use strict';
const fs = require('fs');
const path = require('path');

async function main(modules, exported, sizes) {
  const core = path.join(modules, '@memlab', 'core', 'dist');
  const {default: config} = require(path.join(core, 'lib', 'Config.js'));
  config.muteConsole = true;
  const {default: parser} = require(path.join(core, 'lib', 'HeapParser.js'));
  const {default: TraceFinder} = require(path.join(core, 'paths', 'TraceFinder.js'));
  const snapshot = await parser.parse(exported, {buildNodeIdIndex: false});
  new TraceFinder().calculateAllNodesRetainedSizes(snapshot);
  const bytes = fs.readFileSync(sizes);
  const first = Number(bytes.readBigUInt64LE(0));
  const result = {objects: bytes.length / 8 - 1, differences: 0, examples: []};
  for (let i = 0; i < result.objects; ++i) {
    const ours = Number(bytes.readBigUInt64LE(8 * (i + 1)));
    const node = snapshot.nodes.get(first + i);
    if (node.retainedSize === ours) continue;
    result.differences += 1;
    if (result.examples.length < 10) result.examples.push({ordinal: i, name: node.name, ours, theirs: node.retainedSize});
  }
  console.log(JSON.stringify(result));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(3);
});
