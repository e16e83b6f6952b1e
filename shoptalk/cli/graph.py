"""Stories as a graph: steps that follow the same steps are one node; drawn as SVG in a page of its own."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from shoptalk.core.stories import (
    ActionStep,
    CheckpointStep,
    EventStep,
    LoopStep,
    OrStep,
    Rule,
    SlotStep,
    Step,
    Story,
    UserStep,
)
from shoptalk.core.training_data import Source

START, END = "START", "END"
NODE_WIDTH, NODE_HEIGHT, COLUMN, ROW, MARGIN = 190, 30, 250, 46, 30
LABEL_CHARACTERS = 26


@dataclass(slots=True)
class Node:
    """A step of one or more stories.

    Args:
        label, kind: what is shown, and how (start, user, action, slot, loop, checkpoint, end).
        uses: story number and where the step stands in it.
        column, row: where it is drawn.
    """

    label: str
    kind: str
    uses: list[tuple[int, Source]] = field(default_factory=list)
    column: int = 0
    row: float = 0.0


@dataclass(slots=True)
class Graph:
    """Nodes, and edges with the stories that take them."""

    nodes: list[Node]
    edges: dict[tuple[int, int], set[int]]
    stories: list[Story | Rule]


def build(stories: Sequence[Story | Rule], max_history: int = 2) -> Graph:
    """Join stories into one graph.

    Args:
        stories: and rules, if wanted.
        max_history: steps with the same so many steps before them become one node.
    """
    nodes = [Node(START, "start")]
    known: dict[tuple[str, ...], int] = {}
    edges: dict[tuple[int, int], set[int]] = defaultdict(set)
    for number, story in enumerate(stories):
        path: list[str] = []
        before = 0
        nodes[0].uses.append((number, story.source))
        for label, kind, source in [*_steps(story), (END, "end", story.source)]:
            path.append(label)
            key = (label,) if kind == "end" else tuple(path[-(max_history + 1) :])
            if key not in known:
                known[key] = len(nodes)
                nodes.append(Node(label, kind))
            place = known[key]
            nodes[place].uses.append((number, source))
            edges[before, place].add(number)
            before = place
    graph = Graph(nodes, dict(edges), list(stories))
    _lay_out(graph)
    return graph


def _steps(story: Story | Rule) -> list[tuple[str, str, Source]]:
    steps: tuple[Step, ...] = story.steps
    if isinstance(story, Rule):
        steps = (*story.condition, *steps)
    return [_shown(step) for step in steps]


def _shown(step: Step) -> tuple[str, str, Source]:
    if isinstance(step, UserStep):
        marks = ", ".join(str(entity["entity"]) for entity in step.entities)
        said = step.intent or f"“{step.text}”"
        return f"{said} [{marks}]" if marks else str(said), "user", step.source
    if isinstance(step, ActionStep):
        return step.name or f"“{step.text}”", "action", step.source
    if isinstance(step, SlotStep):
        value = f" = {json.dumps(step.value, ensure_ascii=False)}" if step.has_value else ""
        return f"{step.name}{value}", "slot", step.source
    if isinstance(step, LoopStep):
        return f"loop {step.name or 'ends'}", "loop", step.source
    if isinstance(step, CheckpointStep):
        return step.name, "checkpoint", step.source
    if isinstance(step, OrStep):
        return " or ".join(_shown(one)[0] for one in step.alternatives), "user", step.source
    assert isinstance(step, EventStep)
    return step.kind, "action", step.source


def _lay_out(graph: Graph) -> None:
    """Columns by distance from the start; rows near those of the nodes before."""
    following: dict[int, list[int]] = defaultdict(list)
    before: dict[int, list[int]] = defaultdict(list)
    for a, b in graph.edges:
        following[a].append(b)
        before[b].append(a)
    seen, wave, column = {0}, [0], 0
    while wave:
        for row, place in enumerate(wave):
            graph.nodes[place].column, graph.nodes[place].row = column, row
        fresh = [b for a in wave for b in following[a] if b not in seen]
        wave = list(dict.fromkeys(fresh))
        seen.update(wave)
        column += 1
    ends = [node for node in graph.nodes if node.kind == "end"]
    for node in ends:
        node.column = column
    columns: dict[int, list[int]] = defaultdict(list)
    for place, node in enumerate(graph.nodes):
        columns[node.column].append(place)
    for number in sorted(columns)[1:]:
        _order(graph, columns[number], before)


def _order(graph: Graph, places: list[int], before: dict[int, list[int]]) -> None:
    """Rows of one column: as near as may be to the mean row of what leads there."""

    def wish(place: int) -> float:
        rows = [
            graph.nodes[a].row for a in before[place] if graph.nodes[a].column < graph.nodes[place].column
        ]
        return sum(rows) / len(rows) if rows else 0.0

    lowest = -1.0
    for place in sorted(places, key=wish):
        graph.nodes[place].row = lowest = max(lowest + 1, wish(place))


def page(graph: Graph, title: str) -> str:
    """The graph as an HTML page that needs nothing else."""
    width = MARGIN * 2 + COLUMN * (max(node.column for node in graph.nodes) + 1)
    height = MARGIN * 2 + ROW * (int(max(node.row for node in graph.nodes)) + 1)
    drawn = [_edge(graph, a, b, uses) for (a, b), uses in graph.edges.items()]
    drawn += [_node(graph, node) for node in graph.nodes]
    stories = "".join(
        f"<li><button data-story={number}>{escape(story.name)}</button><code>{escape(str(story.source))}</code>"
        for number, story in enumerate(graph.stories)
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
        f"<aside><h1>{escape(title)}</h1><input id=find type=search placeholder='Find a story or step'"
        f" aria-label='Find a story or step'><ul id=stories>{stories}</ul><div id=about aria-live=polite></div></aside>"
        f"<main><svg id=graph viewBox='0 0 {width} {height}' role=img aria-label='{escape(title)}'>"
        f"<defs><marker id=arrow viewBox='0 0 8 8' refX=8 refY=4 markerWidth=7 markerHeight=7 orient=auto>"
        f"<path d='M0 0L8 4L0 8z' class=head /></marker></defs>{''.join(drawn)}</svg></main>"
        f"<script>{SCRIPT}</script></html>\n"
    )


def _place(node: Node) -> tuple[float, float]:
    return MARGIN + node.column * COLUMN, MARGIN + node.row * ROW


def _node(graph: Graph, node: Node) -> str:
    x, y = _place(node)
    label = node.label if len(node.label) <= LABEL_CHARACTERS else node.label[: LABEL_CHARACTERS - 1] + "…"
    uses = [f"{graph.stories[number].name} ({source})" for number, source in node.uses]
    numbers = " ".join(str(number) for number in dict.fromkeys(number for number, _ in node.uses))
    about = escape("\n".join([node.label, *dict.fromkeys(uses)]), quote=True)
    round_by = NODE_HEIGHT / 2 if node.kind in ("user", "start", "end") else 4
    return (
        f"<g class='node {node.kind}' tabindex=0 data-stories='{numbers}' data-about='{about}'>"
        f"<title>{about}</title><rect x='{x:.0f}' y='{y:.0f}' width={NODE_WIDTH} height={NODE_HEIGHT} rx={round_by} />"
        f"<text x='{x + NODE_WIDTH / 2:.0f}' y='{y + NODE_HEIGHT / 2 + 4:.0f}'>{escape(label)}</text></g>"
    )


def _edge(graph: Graph, a: int, b: int, uses: set[int]) -> str:
    (x1, y1), (x2, y2) = _place(graph.nodes[a]), _place(graph.nodes[b])
    back = graph.nodes[b].column <= graph.nodes[a].column
    x1, y1, y2 = x1 + NODE_WIDTH, y1 + NODE_HEIGHT / 2, y2 + NODE_HEIGHT / 2
    bend = (COLUMN - NODE_WIDTH) * (1.5 if back else 0.6)
    curve = f"M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
    numbers = " ".join(str(number) for number in sorted(uses))
    kind = "edge back" if back else "edge"
    return f"<path class='{kind}' d='{curve}' data-stories='{numbers}' marker-end='url(#arrow)' />"


STYLE = """
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --line: #8a8f98; --user: #dce9f9; --action: #e3f1e4;
  --slot: #f6ecd2; --loop: #f2e0ee; --hot: #c2410c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #17191c; --line: #70757d; --user: #21364f;
  --action: #22402a; --slot: #45391a; --loop: #43293e; --hot: #fb923c; } }
body { margin: 0; display: flex; height: 100vh; font: 14px/1.45 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); }
aside { width: 20rem; overflow: auto; padding: 1rem; border-right: 1px solid var(--line); box-sizing: border-box; }
h1 { font-size: 1.1rem; } #find { width: 100%; box-sizing: border-box; padding: .35rem; }
ul { list-style: none; padding: 0; } li { margin: .15rem 0; } li[hidden] { display: none; }
button { display: block; width: 100%; text-align: left; border: 0; background: none; color: inherit; padding: .15rem .3rem;
  cursor: pointer; font: inherit; } button[aria-pressed=true] { background: var(--hot); color: #fff; }
code { font-size: .75rem; opacity: .7; padding-left: .3rem; } #about { white-space: pre-wrap; font-size: .85rem; }
main { flex: 1; overflow: hidden; } svg { width: 100%; height: 100%; cursor: grab; touch-action: none; }
.node rect { fill: var(--action); stroke: var(--line); } .user rect { fill: var(--user); } .slot rect { fill: var(--slot); }
.loop rect, .checkpoint rect { fill: var(--loop); } .start rect, .end rect { fill: var(--paper); }
.node text { text-anchor: middle; font-size: 12px; fill: var(--ink); pointer-events: none; }
.node { cursor: pointer; outline: none; } .node:focus rect { stroke: var(--hot); stroke-width: 2.5; }
.edge { fill: none; stroke: var(--line); stroke-width: 1.2; } .back { stroke-dasharray: 4 3; } .head { fill: var(--line); }
.dim { opacity: .12; } .hot.edge { stroke: var(--hot); stroke-width: 2.4; } .hot rect { stroke: var(--hot); stroke-width: 2; }
"""

SCRIPT = """
const svg = document.getElementById('graph'), parts = [...svg.querySelectorAll('[data-stories]')];
const about = document.getElementById('about'), buttons = [...document.querySelectorAll('[data-story]')];
function light(test) {
  for (const part of parts) {
    const on = test && test(part);
    part.classList.toggle('hot', !!on);
    part.classList.toggle('dim', !!test && !on);
  }
}
const has = (part, story) => part.dataset.stories.split(' ').includes(story);
let chosen = null;
for (const button of buttons) button.onclick = () => {
  chosen = chosen === button ? null : button;
  for (const other of buttons) other.setAttribute('aria-pressed', other === chosen);
  light(chosen && (part => has(part, chosen.dataset.story)));
  if (chosen) look([...svg.querySelectorAll('.node.hot')]);
};
for (const node of svg.querySelectorAll('.node')) {
  const show = () => { about.textContent = node.dataset.about; };
  node.onclick = show; node.onfocus = show;
}
document.getElementById('find').oninput = event => {
  const words = event.target.value.toLowerCase();
  for (const button of buttons)
    button.parentElement.hidden = !!words && !button.textContent.toLowerCase().includes(words);
  light(words && (part => (part.dataset.about || '').toLowerCase().includes(words)));
};
const box = svg.viewBox.baseVal;
let drag = null;
function look(nodes) {
  const boxes = nodes.map(node => node.getBBox());
  const left = Math.min(...boxes.map(b => b.x)), top = Math.min(...boxes.map(b => b.y));
  box.x = left - 20; box.y = top - 20;
  box.width = Math.max(900, Math.max(...boxes.map(b => b.x + b.width)) - left + 40);
  box.height = Math.max(500, Math.max(...boxes.map(b => b.y + b.height)) - top + 40);
}
if (box.width > 1800) { box.width = 1500; box.height = 900; }
svg.onwheel = event => {
  event.preventDefault();
  const scale = event.deltaY > 0 ? 1.15 : 1 / 1.15, at = svg.getBoundingClientRect();
  const fx = (event.clientX - at.left) / at.width, fy = (event.clientY - at.top) / at.height;
  box.x += box.width * fx * (1 - scale); box.y += box.height * fy * (1 - scale);
  box.width *= scale; box.height *= scale;
};
svg.onpointerdown = event => { drag = event; };
svg.onpointermove = event => {
  if (!drag) return;
  const at = svg.getBoundingClientRect(), unit = Math.max(box.width / at.width, box.height / at.height);
  box.x -= (event.clientX - drag.clientX) * unit; box.y -= (event.clientY - drag.clientY) * unit; drag = event;
};
svg.onpointerup = svg.onpointerleave = () => { drag = null; };
"""
