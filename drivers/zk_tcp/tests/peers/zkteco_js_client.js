// Speaks with a terminal by zkteco-js and tells on standard output, one JSON object a line, what it got.
//
// Usage: zkteco_js_client.js PORT, with the folder of its node_modules in NODE_PATH.

const Terminal = require('zkteco-js')

const out = process.stdout
const tell = (what, value) => out.write(JSON.stringify({ [what]: value }) + '\n')
// The library chats on the console; only our own lines belong on standard output.
console.log = () => {}

async function main() {
    const terminal = new Terminal('127.0.0.1', Number(process.argv[2]), 5000, 5200)
    await terminal.createSocket()
    tell('serial', await terminal.getSerialNumber())
    tell('sizes', await terminal.getInfo())
    const users = (await terminal.getUsers()).data
    tell('users', users.map((user) => user.userId).sort())
    const punches = (await terminal.getAttendances()).data
    tell('punches', punches.length)
    tell('first', punches[0])
    // A download leaves its listener behind, and the library then adds none for events.
    terminal.ztcp.socket.removeAllListeners('data')
    await terminal.getRealTimeLogs((punch) => {
        tell('live', punch.userId)
        terminal.disconnect().finally(() => {
            tell('bye', true)
            process.exit(0)
        })
    })
}

main().catch((error) => {
    tell('error', String((error && error.err) || error))
    process.exit(1)
})
