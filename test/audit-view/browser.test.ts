import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { decided, ended, type ViewedLog, viewedLog } from './viewed-log.ts'

const program = ['chromium', 'google-chrome', 'chromium-browser']
  .flatMap((name) => (process.env.PATH ?? '').split(':').map((folder) => join(folder, name)))
  .find((path) => existsSync(path))

if (program !== undefined)
  describe('the page of a log in a browser', () => {
    let viewed: ViewedLog
    let browser: Browser
    let page: Page
    const foreign: string[] = []
    const errors: string[] = []

    before(async () => {
      const records = Array.from({ length: 120 }, (_, number) => [
        decided(number, number % 7 === 0 ? { allowed: false, code: 'denied', rules: [{ rule: 'at-risk', effect: 'forbid' }] } : {}),
        ...(number % 7 === 0 ? [] : [ended(number, { elapsed: number * 30 })]),
      ]).flat()
      viewed = await viewedLog(records, 0.05)
      // As root a sandbox of its own cannot be made.
      browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
      page = await browser.newPage({ viewport: { width: 1200, height: 900 } })
      page.on('request', (request) => {
        if (!request.url().startsWith(new URL(viewed.server.url).origin) && !request.url().startsWith('data:')) foreign.push(request.url())
      })
      page.on('console', (message) => {
        if (message.type() === 'error') errors.push(message.text())
      })
      page.on('pageerror', (error) => errors.push(error.message))
      await page.goto(viewed.server.url)
    })
    after(async () => {
      await browser.close()
      await viewed.close()
    })

    test('has its landmarks, its headings and a name for everything', async () => {
      assert.equal(await page.getByRole('banner').count(), 1)
      assert.equal(await page.getByRole('main').count(), 1)
      assert.equal(await page.getByRole('navigation', { name: 'Pages' }).count(), 1)
      assert.equal(await page.getByRole('heading', { level: 1, name: 'bot' }).count(), 1)
      assert.equal(await page.getByRole('img', { name: /a bar, at most/ }).count(), 1)
      for (const name of ['Refusals by reason', 'Spending by tenant', 'Identities, and what they touched'])
        assert.equal(await page.getByRole('table', { name }).count(), 1, name)
      assert.equal(await page.locator('html').getAttribute('lang'), 'en')
    })

    test('is used by keyboard alone, from the overview to one call and its proof', async () => {
      await page.keyboard.press('Tab')
      assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'To the content')
      await page.getByRole('link', { name: 'denied' }).focus()
      await page.keyboard.press('Enter')
      await page.waitForURL(/\/calls\?code=denied/)
      assert.equal(await page.getByRole('row').count(), 19)
      await page.getByRole('rowheader').first().getByRole('link').focus()
      await page.keyboard.press('Enter')
      await page.waitForURL(/\/call\/call-/)
      assert.equal(await page.getByText('Proven', { exact: true }).count(), 1)
      const proof = page.getByText('The record and its proof')
      await proof.focus()
      await page.keyboard.press('Enter')
      assert.ok(await page.getByText('"rule": "at-risk"').isVisible())
    })

    test('goes on as the log grows, and leaves alone whoever does not want it', async () => {
      await page.getByRole('link', { name: 'Calls', exact: true }).click()
      await viewed.append(decided(500, { id: 'late-1', task: 'late-1', action: 'embeddings' }))
      await page.getByText('embeddings model/gpt-5').first().waitFor()
      await page.getByLabel('live').uncheck()
      await viewed.append(decided(501, { id: 'late-2', task: 'late-2', action: 'execute_tool' }))
      await viewed.view.renew()
      await page.waitForTimeout(1_500)
      assert.equal(await page.getByText('execute_tool model/gpt-5').count(), 0)
      await page.getByLabel('live').check()
      await page.getByText('execute_tool model/gpt-5').first().waitFor()
    })

    test('asks nobody else for anything, and breaks no rule of its own', async () => {
      assert.deepEqual(foreign, [])
      assert.deepEqual(errors, [])
    })

    test('fits a narrow screen and a dark one', async () => {
      await page.goto(new URL('/', viewed.server.url).href)
      if (process.env.SCREENSHOTS !== undefined) await mkdir(process.env.SCREENSHOTS, { recursive: true })
      for (const [name, width, scheme] of [
        ['wide', 1200, 'light'],
        ['narrow', 360, 'dark'],
      ] as const) {
        await page.setViewportSize({ width, height: 900 })
        await page.emulateMedia({ colorScheme: scheme })
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, name)
        if (process.env.SCREENSHOTS !== undefined) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`), fullPage: true })
      }
    })
  })
