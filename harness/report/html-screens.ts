/** The part of report.html that shows screens. */
import type { BoardSummary, ScreenSummary, TestSummary } from '../journal/summary-schema.ts'
import { isRed } from './problems.ts'
import { html, SafeHtml } from './safe-html.ts'
import { ScreenPainter } from './screen-png.ts'
import { screenLines } from './screen-text.ts'

/** What makes a report's pictures; a page with thousands would not open any more. */
export class ScreenGallery {
  readonly #painter = new ScreenPainter()
  #left = 100

  /** The screens of a test that went wrong: as pictures, and as text that can be searched and copied. */
  ofProblem({ screens }: TestSummary): SafeHtml[] {
    return screens.map((screen, index) => this.#figure(screen, index === screens.length - 1))
  }

  /** What the others kept, folded. */
  ofOthers({ tests }: BoardSummary): SafeHtml | null {
    const others = tests.filter((test) => test.screens.length > 0 && !isRed(test))
    if (others.length === 0) return null
    const parts = others.map(
      (test) => html`<h4>${test.suite}: ${test.test}</h4>${test.screens.map((screen) => textOf(screen))}`,
    )
    return html`<details><summary>Screens of the tests that passed</summary>${parts}</details>`
  }

  #figure(screen: ScreenSummary, isLast: boolean): SafeHtml {
    const picture = this.#left-- > 0 ? this.#picture(screen) : null
    const body = html`${picture}${isLast && picture === null ? textOf(screen) : html`<details><summary>As text</summary>${textOf(screen)}</details>`}`
    const caption = `Screen: ${screen.title}`
    return isLast
      ? html`<figure><figcaption>${caption}</figcaption>${body}</figure>`
      : html`<details><summary>${caption}</summary>${body}</details>`
  }

  #picture({ snapshot, title }: ScreenSummary): SafeHtml {
    const data = new SafeHtml(this.#painter.png(snapshot).toString('base64'))
    return html`<img class="screen" alt="${title}; the same as text below" src="data:image/png;base64,${data}"/>`
  }
}

function textOf(screen: ScreenSummary): SafeHtml {
  return html`<pre>${screenLines(screen).join('\n')}</pre><p class="quiet"><a href="${screen.file}">${screen.file}</a></p>`
}
