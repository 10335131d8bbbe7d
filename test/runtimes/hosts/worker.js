// Runs the suite within one request: one report a line of the answer.
// biome-ignore lint/style/noDefaultExport: workerd looks for the handler there
export default {
  async fetch(request) {
    const options = await request.json()
    // Only now: a worker may neither make a key nor start a timer before it has a request.
    const { runAll } = await import('./suite.js')
    const encoder = new TextEncoder()
    const body = new ReadableStream({
      async start(controller) {
        await runAll((report) => controller.enqueue(encoder.encode(`${JSON.stringify(report)}\n`)), options)
        controller.close()
      },
    })
    return new Response(body)
  },
}
