/** Says in one sentence when this Node is too old to run the sources. Plain JavaScript, so that an old Node can read it. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `vpcep-approver: found Node ${process.versions.node}, expected 22.19 or later (on linux-x64, \`npm ci\` installs one by itself)\n`,
  );
  process.exit(2);
}
