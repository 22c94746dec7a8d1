"""Accordions, tabs and other panels as the frameworks of the web write them: each answer under its question."""

import pytest

from nightshift.knowledge.extract.blocks import sections
from nightshift.knowledge.extract.web.html import paragraphs

Q1, A1, Q2, A2 = "How long is the warranty?", "The warranty is 36 months.", "Where is my parcel", "Parcels take 3 days."

ACCORDIONS = {
    "webflow": """<div class="faq_accordion"><div class="faq_question"><div class="text-size-medium">{q1}</div>
        <div class="faq_icon-wrapper"><svg></svg></div></div><div class="faq_answer" style="height:0px"><p>{a1}</p></div></div>
        <div class="faq_accordion"><div class="faq_question"><div>{q2}</div></div>
        <div class="faq_answer" style="height:0px"><div><p>{a2}</p></div></div></div>""",
    "bootstrap 5": """<div class="accordion" id="f">
        <div class="accordion-item"><h2 class="accordion-header" id="h1"><button class="accordion-button" type="button"
          data-bs-toggle="collapse" data-bs-target="#c1" aria-expanded="true" aria-controls="c1">{q1}</button></h2>
          <div id="c1" class="accordion-collapse collapse show"><div class="accordion-body">{a1}</div></div></div>
        <div class="accordion-item"><h2 class="accordion-header"><button class="accordion-button collapsed" type="button"
          data-bs-toggle="collapse" data-bs-target="#c2" aria-expanded="false" aria-controls="c2">{q2}</button></h2>
          <div id="c2" class="accordion-collapse collapse"><div class="accordion-body">{a2}</div></div></div></div>""",
    "bootstrap 3": """<div class="panel-group"><div class="panel panel-default"><div class="panel-heading">
        <a data-toggle="collapse" href="#x1">{q1}</a></div><div id="x1" class="panel-collapse collapse">{a1}</div></div>
        <div class="panel panel-default"><div class="panel-heading"><a data-toggle="collapse" href="#x2">{q2}</a></div>
        <div id="x2" class="panel-collapse collapse" style="display: none">{a2}</div></div></div>""",
    "material ui": """<div class="MuiPaper-root MuiAccordion-root"><h3 class="MuiAccordion-heading"><button
        class="MuiButtonBase-root MuiAccordionSummary-root" aria-controls="p1-content" aria-expanded="true" id="p1-header">
        <span class="MuiAccordionSummary-content">{q1}</span><span class="expandIcon"><svg><path d="M1"></path></svg></span>
        </button></h3><div class="MuiCollapse-root"><div role="region" id="p1-content" aria-labelledby="p1-header">
        <div class="MuiAccordionDetails-root">{a1}</div></div></div></div>
        <div class="MuiPaper-root MuiAccordion-root"><div class="MuiAccordionSummary-root" tabindex="0" role="button"
        aria-expanded="false" aria-controls="p2-content"><p>{q2}</p><span class="material-icons">expand_more</span></div>
        <div class="MuiCollapse-root MuiCollapse-hidden" style="min-height:0px;visibility:hidden"><div role="region"
        id="p2-content">{a2}</div></div></div>""",
    "radix": """<div data-orientation="vertical"><div data-state="open"><h3 data-state="open"><button type="button"
        aria-controls="radix-:r1:" aria-expanded="true" data-state="open" id="radix-:r0:">{q1}</button></h3>
        <div data-state="open" id="radix-:r1:" role="region" aria-labelledby="radix-:r0:"><div>{a1}</div></div></div>
        <div data-state="closed"><h3><button type="button" aria-controls="radix-:r3:" aria-expanded="false">{q2}</button></h3>
        <div data-state="closed" id="radix-:r3:" hidden="" role="region"><div>{a2}</div></div></div></div>""",
    "headless ui": """<div><h3><button id="headlessui-disclosure-button-1" aria-expanded="false" type="button">{q1}</button>
        </h3><div id="headlessui-disclosure-panel-2" hidden style="display:none">{a1}</div></div>
        <div><button aria-expanded="false" type="button"><span>{q2}</span><svg><path/></svg></button>
        <div hidden style="display:none">{a2}</div></div>""",
    "alpine": """<div x-data="{{ open: false }}"><button @click="open = !open">{q1}</button>
        <div x-show="open" style="display: none;">{a1}</div></div>
        <div x-data="{{ open: false }}"><div class="flex"><button @click="open = !open">{q2}</button></div>
        <div x-show="open" x-collapse style="display: none;">{a2}</div></div>""",
    "jquery ui": """<div id="accordion" class="ui-accordion" role="tablist"><h3 class="ui-accordion-header" role="tab"
        aria-controls="ui-id-2" aria-expanded="true"><span class="ui-icon"></span>{q1}</h3><div class="ui-accordion-content"
        id="ui-id-2" role="tabpanel" aria-hidden="false"><p>{a1}</p></div><h3 class="ui-accordion-header" role="tab"
        aria-controls="ui-id-4" aria-expanded="false">{q2}</h3><div class="ui-accordion-content" id="ui-id-4"
        role="tabpanel" aria-hidden="true" style="display: none;"><p>{a2}</p></div></div>""",
    "details": """<details><summary>{q1}</summary><p>{a1}</p></details><details open><summary><span>{q2}</span>
        <i aria-hidden="true">+</i></summary>{a2}</details>""",
    "details of wordpress with headings": """<details class="wp-block-details"><summary><h3>{q1}</h3></summary>{a1}</details>
        <details class="wp-block-details"><summary><h3>{q2}</h3></summary><p>{a2}</p></details>""",
    "yoast": """<div class="schema-faq wp-block-yoast-faq-block"><div class="schema-faq-section"><strong
        class="schema-faq-question">{q1}</strong><p class="schema-faq-answer">{a1}</p></div><div class="schema-faq-section">
        <strong class="schema-faq-question">{q2}</strong><p class="schema-faq-answer">{a2}</p></div></div>""",
    "elementor": """<div class="elementor-toggle"><div class="elementor-toggle-item"><div id="t1" class="elementor-tab-title"
        data-tab="1" role="button" aria-controls="tc1" aria-expanded="false"><span class="elementor-toggle-icon"
        aria-hidden="true">+</span><a class="elementor-toggle-title" tabindex="0">{q1}</a></div><div id="tc1"
        class="elementor-tab-content" role="region" aria-labelledby="t1" style="display:none"><p>{a1}</p></div></div>
        <div class="elementor-toggle-item"><h3 id="t2" class="elementor-tab-title" role="button" aria-controls="tc2">
        <a>{q2}</a></h3><div id="tc2" class="elementor-tab-content" hidden><p>{a2}</p></div></div></div>""",
    "webflow and microdata": """<div itemscope itemtype="https://schema.org/FAQPage"><div itemprop="mainEntity" itemscope
        itemtype="https://schema.org/Question"><h3 itemprop="name">{q1}</h3><div itemprop="acceptedAnswer" itemscope
        itemtype="https://schema.org/Answer" style="display:none"><div itemprop="text">{a1}</div></div></div>
        <div itemprop="mainEntity" itemscope itemtype="https://schema.org/Question"><div itemprop="name"
        class="faq-question">{q2}</div><div itemprop="acceptedAnswer" class="faq-answer" hidden>{a2}</div></div></div>""",
    "check box": """<ul><li><input type="checkbox" id="q1"><label for="q1">{q1}</label><div class="content">{a1}</div></li>
        <li><input type="checkbox" id="q2" checked><label for="q2">{q2}</label><div>{a2}</div></li></ul>""",
    "definition list": """<dl><dt><button type="button" aria-expanded="false">{q1}</button></dt><dd hidden>{a1}</dd>
        <dt><button type="button" aria-expanded="false" aria-controls="d2">{q2}</button></dt><dd id="d2" hidden>{a2}</dd>
        </dl>""",
    "plain buttons": """<div class="q"><button>{q1}</button><div style="display:none">{a1}</div></div><div class="q">
        <button>{q2}</button><div hidden="until-found">{a2}</div></div>""",
    "zendesk": """<h2>Orders</h2><ul class="article-list"><li><h4 class="accordion__item-title" onclick="t(this)">{q1}</h4>
        <div class="accordion__item-content" style="max-height:0">{a1}</div></li><li><h4 class="accordion__item-title">{q2}
        </h4><div class="accordion__item-content" hidden>{a2}</div></li></ul>""",
    "intercom": """<article><h1>Orders</h1><div class="intercom-interblocks-subheading"><h2>{q1}</h2></div><div
        class="intercom-interblocks-paragraph"><p>{a1}</p></div><section data-collapsible><h2>{q2}</h2>
        <div class="collapsible-content" hidden><p>{a2}</p></div></section></article>""",
    "notion": """<ul class="toggle"><li><details open=""><summary>{q1}</summary><p>{a1}</p></details></li></ul>
        <ul class="toggle"><li><details><summary>{q2}</summary><p>{a2}</p></details></li></ul>""",
    "shadow roots": """<faq-item><template shadowrootmode="open"><style>x</style><h3><slot name="q"></slot></h3>
        <div hidden id="p" class="panel"><slot></slot></div></template><span slot="q">{q1}</span><p>{a1}</p></faq-item>
        <faq-item><template shadowrootmode="closed"><details><summary>{q2}</summary><faq-answer><template
        shadowrootmode="open"><slot></slot></template>{a2}</faq-answer></details></template></faq-item>""",
    "bold questions": "<p><strong>{q1}</strong></p><p>{a1}</p><p><b>{q2}?</b></p><p>{a2}</p>",
}
TABS = {
    "material for mkdocs": """<div class="tabbed-set tabbed-alternate" data-tabs="1:2"><input checked id="__tabbed_1_1" name="t"
        type="radio"><input id="__tabbed_1_2" name="t" type="radio"><div class="tabbed-labels">
        <label for="__tabbed_1_1">{q1}</label>
        <label for="__tabbed_1_2">{q2}</label></div><div class="tabbed-content"><div class="tabbed-block"><p>{a1}</p></div>
        <div class="tabbed-block"><p>{a2}</p></div></div></div>""",
    "aria": """<div role="tablist"><button role="tab" aria-controls="p1" aria-selected="true" id="t1">{q1}</button>
        <button role="tab" aria-controls="p2" id="t2" tabindex="-1">{q2}</button></div><div role="tabpanel" id="p1"
        aria-labelledby="t1"><p>{a1}</p></div><div role="tabpanel" id="p2" aria-labelledby="t2" hidden><p>{a2}</p></div>""",
    "labelled panels": """<ul role="tablist"><li role="presentation"><a role="tab" id="t1">{q1}</a></li><li
        role="presentation"><a role="tab" id="t2">{q2}</a></li></ul><section role="tabpanel" aria-labelledby="t1">{a1}
        </section><section role="tabpanel" aria-labelledby="t2" style="display:none">{a2}</section>""",
    "bootstrap": """<ul class="nav nav-tabs"><li class="nav-item"><a class="nav-link active" data-bs-toggle="tab"
        href="#home">{q1}</a></li><li class="nav-item"><a class="nav-link" data-bs-toggle="tab" href="#two">{q2}</a></li></ul>
        <div class="tab-content"><div class="tab-pane active" id="home">{a1}</div><div class="tab-pane fade" id="two">{a2}
        </div></div>""",
    "jquery ui": """<div id="tabs"><ul><li><a href="#tabs-1">{q1}</a></li><li><a href="#tabs-2">{q2}</a></li></ul>
        <div id="tabs-1"><p>{a1}</p></div><div id="tabs-2"><p>{a2}</p></div></div>""",
    "alpine": """<div x-data="{{ tab: 'a' }}"><nav><button @click="tab='a'">{q1}</button><button @click="tab='b'">{q2}
        </button></nav><div x-show="tab==='a'">{a1}</div><div x-show="tab==='b'" style="display: none">{a2}</div></div>""",
    "radix": """<div data-orientation="horizontal"><div role="tablist"><button role="tab" aria-controls="radix-content-a"
        id="radix-trigger-a">{q1}</button><button role="tab" aria-controls="radix-content-b">{q2}</button></div>
        <div role="tabpanel" id="radix-content-a" data-state="active">{a1}</div><div role="tabpanel" id="radix-content-b"
        hidden data-state="inactive">{a2}</div></div>""",
    "radio buttons": """<div class="tabs"><input type="radio" name="t" id="r1" checked><label for="r1">{q1}</label>
        <input type="radio" name="t" id="r2"><label for="r2">{q2}</label><div class="tab-panel">{a1}</div>
        <div class="tab-panel">{a2}</div></div>""",
    "elementor": """<div class="elementor-tabs"><div class="elementor-tabs-wrapper" role="tablist"><div id="e1"
        class="elementor-tab-title" role="tab" aria-controls="ec1">{q1}</div><div id="e2" class="elementor-tab-title"
        role="tab" aria-controls="ec2">{q2}</div></div><div class="elementor-tabs-content-wrapper"><div
        class="elementor-tab-title elementor-tab-mobile-title" role="tab" aria-controls="ec1">{q1}</div><div id="ec1"
        class="elementor-tab-content" role="tabpanel">{a1}</div><div class="elementor-tab-title elementor-tab-mobile-title"
        role="tab" aria-controls="ec2">{q2}</div><div id="ec2" class="elementor-tab-content" role="tabpanel" hidden="hidden">
        {a2}</div></div></div>""",
}


def filled(markup: str) -> str:
    return markup.format(q1=Q1, a1=A1, q2=Q2, a2=A2)


@pytest.mark.parametrize(
    "markup", [*ACCORDIONS.values(), *TABS.values()], ids=[*ACCORDIONS, *(f"tabs {k}" for k in TABS)]
)
def test_each_answer_stands_under_its_question(markup: str) -> None:
    page = f"<html><body><nav><a href='/'>Home</a></nav><h1>Help</h1>{filled(markup)}</body></html>"
    found = {block.headings[-1].rstrip("?"): block for block in sections(paragraphs(page)) if block.headings}
    assert A1 in found[Q1.rstrip("?")].text and A2 not in found[Q1.rstrip("?")].text
    assert A2 in found[Q2].text and A1 not in found[Q2].text
    assert "expand_more" not in found[Q2].text and "[" not in found[Q1.rstrip("?")].text
    text = "\n".join(block.text for block in sections(paragraphs(page)))
    assert text.count(A1) == text.count(A2) == 1
    assert text.count(Q2) == 1


def test_tabs_within_an_accordion_are_nested() -> None:
    orders = f"<details><summary>Orders</summary>{filled(TABS['aria'])}</details>"
    page = f"<h1>Help</h1>{orders}<details><summary>Other</summary>x</details>"
    assert [block.headings for block in sections(paragraphs(page)) if block.headings] == [
        ("Help",), ("Help", "Orders"), ("Help", "Orders", Q1), ("Help", "Orders", Q2), ("Help", "Other"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "unseen",
    [
        '<button aria-haspopup="menu" aria-expanded="false">Shop</button><ul hidden role="menu"><li>secret</ul>',
        '<nav><button aria-expanded="false" aria-controls="m">Shop</button><ul hidden id="m"><li>secret</ul></nav>',
        '<button data-bs-toggle="modal" data-bs-target="#d">Delete</button><div id="d" class="modal" hidden>secret</div>',
        '<label for="e">E-mail</label><input id="e" type="email"><p class="error" hidden>secret</p>',
        "<p>Text</p><div hidden>secret</div>",
        '<h2>Cart</h2><div class="cookie-consent" style="display:none">secret</div>',
        "<div><button>Save</button><button>Undo</button></div><p hidden class=alert>secret</p><p>Two</p>",
        '<template><p>secret</p></template><table><template><tr><td>secret</template><tr><td>a</table>',
        '<x-a><template shadowrootmode="open"><p>in</p></template><p>secret</p></x-a>',
        '<h2>Prices <span class="material-symbols-outlined">secret</span></h2>',
    ],
)  # fmt: skip
def test_what_no_reader_needs_stays_hidden(unseen: str) -> None:
    assert "secret" not in "\n".join(
        block.text for block in sections(paragraphs(f"<body><h1>Help</h1>{unseen}</body>"))
    )
