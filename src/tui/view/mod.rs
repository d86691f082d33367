//! Drawing: pure functions from the model to cells and a hit map. No clock, no I/O, nothing remembered.

mod answer;
mod approvals;
mod beside;
mod board;
mod books;
mod break_glass;
mod breakers;
mod calendar;
mod canvas;
mod change;
mod changed;
mod chrome;
mod continuity;
mod diagnosis;
mod dialog;
mod difference;
mod drill;
mod drills;
mod errors;
mod event;
mod evidence;
mod facts;
mod fleet;
mod form;
mod heat;
mod help;
mod history;
mod hosts;
mod incident;
mod journal;
mod knowledge;
mod list;
mod lookback;
mod map;
mod markdown;
mod metrics;
mod metrics_plots;
mod on_call;
mod page;
mod palette;
mod patterns;
mod plain;
mod plan;
mod plot;
mod recovery;
mod reliability;
mod rows;
mod service;
mod snapshot_rows;
mod snapshots;
mod strip;
mod team;
mod templates;
mod vault;
mod walk;
mod walk_output;
mod walk_step;

use ratatui::{buffer::Buffer, layout::Rect};

pub use canvas::Canvas;
pub use lookback::STRIP;
pub use plain::plain;

use super::{
    hit::HitMap,
    layout,
    model::{Model, Screen, Target},
    theme::{Role, Theme},
};

/// What a drawing left behind.
#[derive(Debug, Default)]
pub struct Drawn {
    /// What stands where.
    pub hits: HitMap<Target>,
    /// Rows a page has.
    pub page: usize,
    /// Columns of the screen.
    pub columns: u16,
    /// Lines the longest page could scroll.
    pub deepest: usize,
}

/// Draws everything.
#[must_use]
pub fn draw(model: &Model, theme: Theme, buffer: &mut Buffer) -> Drawn {
    let _rows = model.found_rows.keep();
    let area = buffer.area;
    buffer.set_style(area, theme.ground());
    let mut hits = HitMap::default();
    let mut canvas = Canvas { buffer, hits: &mut hits, theme, deepest: 0, is_aside: false };
    if layout::is_tiny(area) {
        let summary = chrome::one_line(model);
        canvas.line(area, 0, &[(Role::Title, summary)]);
        canvas.line(area, 1, &[(Role::Muted, "make the terminal larger".to_owned())]);
        return Drawn { hits, page: 1, columns: area.width, deepest: 0 };
    }
    chrome::header(model, &mut canvas, area);
    let loud = break_glass::banner(model, &mut canvas, area);
    let loud = loud + drill::banner(model, &mut canvas, area, loud);
    let loud = loud + walk::banner(model, &mut canvas, area, loud);
    let body = Rect { y: area.y + 1 + loud, height: area.height - 3 - loud, ..area };
    chrome::footer(model, &mut canvas, area);
    let (own, aside) =
        if model.has_page_beside() { layout::list_and_page(body, model.page_zoom()) } else { (body, None) };
    page_of(model, &mut canvas, own, model.screen());
    if let Some(aside) = aside {
        beside::draw(model, &mut canvas, aside);
    }
    if let Some(overlay) = &model.overlay {
        dialog::draw(model, &mut canvas, body, overlay);
    }
    chrome::said(model, &mut canvas, area);
    let page = usize::from(body.height.saturating_sub(4));
    let deepest = canvas.deepest;
    Drawn { hits, page, columns: area.width, deepest }
}

/// Draws a page.
fn page_of(model: &Model, canvas: &mut Canvas, body: Rect, screen: &Screen) {
    match screen {
        Screen::Board => board::draw(model, canvas, body),
        Screen::Service(name) => service::draw(model, canvas, body, name),
        Screen::Incident(id) => incident::draw(model, canvas, body, *id),
        Screen::Diagnosis(id, chosen) => diagnosis::draw(model, canvas, body, *id, *chosen),
        Screen::Evidence(id, service, issue) => evidence::draw(model, canvas, body, *id, (service, issue)),
        Screen::Reliability => reliability::draw(model, canvas, body),
        Screen::Knowledge => knowledge::list(model, canvas, body),
        Screen::Article(name) => knowledge::article(model, canvas, body, name),
        Screen::Prompt(id) => evidence::prompt(model, canvas, body, *id),
        Screen::Change(id) => change::draw(model, canvas, body, *id),
        Screen::Approvals => approvals::draw(model, canvas, body),
        Screen::BreakGlass(id) => break_glass::draw(model, canvas, body, *id),
        Screen::Templates => templates::draw(model, canvas, body),
        Screen::Plan => plan::draw(model, canvas, body),
        Screen::Snapshots => snapshots::draw(model, canvas, body),
        Screen::Difference(of, against) => difference::draw(model, canvas, body, *of, *against),
        Screen::Recovery(id) => recovery::draw(model, canvas, body, *id),
        Screen::Recoveries => history::draw(model, canvas, body),
        Screen::Books(incident) => books::list(model, canvas, body, *incident),
        Screen::Book(id) => books::book(model, canvas, body, id),
        Screen::Run(id) => walk::draw(model, canvas, body, *id),
        Screen::StepWhy(id, step) => walk_step::why(model, canvas, body, *id, step),
        Screen::RunText(id) => books::text(model, canvas, body, *id),
        Screen::Drills => drills::draw(model, canvas, body),
        Screen::Drill(id) => drill::draw(model, canvas, body, *id),
        Screen::HeatMap => heat::draw(model, canvas, body),
        Screen::Calendar => calendar::draw(model, canvas, body),
        Screen::Continuity => continuity::list(model, canvas, body),
        Screen::Function(name) => continuity::function(model, canvas, body, name),
        Screen::Map => map::draw(model, canvas, body),
        Screen::Metrics => metrics::draw(model, canvas, body),
        Screen::Patterns(service) => patterns::list(model, canvas, body, service.as_deref()),
        Screen::Pattern(id) => patterns::one(model, canvas, body, id),
        Screen::Changed => changed::draw(model, canvas, body),
        Screen::Errors => errors::draw(model, canvas, body),
        Screen::Breakers => breakers::draw(model, canvas, body),
        Screen::Team => team::list(model, canvas, body),
        Screen::OnCall => on_call::draw(model, canvas, body),
        Screen::Operator(name) => team::operator(model, canvas, body, name),
        Screen::Hosts if model.has_fleet() => fleet::draw(model, canvas, body),
        Screen::Hosts => hosts::draw(model, canvas, body),
        Screen::Journal => journal::draw(model, canvas, body),
        Screen::Event(seq) => event::draw(model, canvas, body, *seq),
        Screen::Help => help::draw(model, canvas, body),
    }
}
