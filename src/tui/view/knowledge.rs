//! The knowledge base: every article in two lines, and one article with what became of its fixes.

use std::time::Duration;

use chrono::TimeDelta;
use ratatui::layout::Rect;

use super::{
    approvals::show,
    canvas::{Canvas, Piece},
    facts::{Fact, Facts},
    list::why_empty,
    page,
};
use crate::{
    domain::{Article, ArticleState},
    platform::count,
    report::{ArticleReport, FixFigures},
    tui::{
        action::named,
        decision::day_time,
        model::{List, Model, Screen, Target},
        text,
        theme::Role,
        verdict::category_name,
    },
};

/// Incidents of an article that are listed.
const LISTED: usize = 10;

/// All articles.
pub(super) fn list(model: &Model, canvas: &mut Canvas, area: Rect) {
    let all = &model.state.knowledge.articles;
    let confirmed = all.values().filter(|article| article.state == ArticleState::Confirmed).count();
    let summary = format!("{confirmed} of {} confirmed", all.len());
    let inside = canvas.frame(area, "Knowledge", &model.summary_of(List::Articles, &summary), true);
    let columns = usize::from(inside.width);
    let keys = model.rows(List::Articles);
    let mut lines: Vec<(Vec<Piece>, Option<usize>)> = Vec::new();
    if keys.is_empty() {
        let why = why_empty(
            model,
            &format!(
                "nothing is known yet. An article is proposed by itself when somebody has judged the diagnosis of a resolved incident \
                 right ({}); {} writes one, {} on the page of an incident that is over makes one of it, and {} here brings those that \
                 come with the program, or files",
                model.key("judge-right"),
                model.key("new-article"),
                model.key("propose-article"),
                model.key("import-articles"),
            ),
        );
        let wrapped = text::wrap(&why, columns.saturating_sub(4));
        lines.extend(wrapped.into_iter().map(|line| (vec![(Role::Muted, format!("   {line}"))], None)));
    }
    let selected = model.selected_place(List::Articles);
    for (place, article) in keys.iter().filter_map(|name| all.get(name)).enumerate() {
        let (role, word) = state(article);
        let mark = if place == selected { "▶ " } else { "  " };
        // Where it is narrow, what it is about comes before of what kind it is.
        let is_narrow = columns < 60;
        let (kind, room) =
            if is_narrow { (0, columns.saturating_sub(3)) } else { (14, columns.saturating_sub(2 + 14 + 13 + 1)) };
        let of_kind = format!(" {}", category_name(article.body.category));
        lines.push((
            vec![
                (Role::Focus, mark.to_owned()),
                (Role::Title, text::left(&article.body.title, room)),
                (Role::Muted, if is_narrow { String::new() } else { text::left(&of_kind, kind) }),
                (role, if is_narrow { String::new() } else { text::right(word, 13) }),
            ],
            Some(place),
        ));
        let best =
            ArticleReport::of(&model.state, &article.name).ok().and_then(|report| report.fixes.into_iter().next());
        let best = best.map_or_else(|| "no fix".to_owned(), |fix| format!("{}: {}", fix.says, figures(&fix)));
        if is_narrow {
            let told = format!(" · {} · {best}", count(article.incidents.len(), "incident"));
            let told = text::fit(&told, columns.saturating_sub(5 + text::width(word)));
            lines.push((vec![(role, format!("    {word}")), (Role::Muted, told)], Some(place)));
            continue;
        }
        let told = format!("     {} · {} · {best}", article.name, count(article.incidents.len(), "incident"));
        lines.push((vec![(Role::Muted, text::fit(&told, columns.saturating_sub(1)))], Some(place)));
    }
    show(canvas, inside, &lines, List::Articles, selected);
}

fn state(article: &Article) -> (Role, &'static str) {
    match article.state {
        ArticleState::Proposed => (Role::Warn, "○ proposed"),
        ArticleState::Confirmed => (Role::Ok, "✓ confirmed"),
        ArticleState::Retired => (Role::Muted, "✖ retired"),
    }
}

/// How well a fix is known to work.
fn figures(fix: &FixFigures) -> String {
    let tried = fix.worked + fix.failed;
    if tried == 0 && fix.executed == 0 {
        return "not tried yet".to_owned();
    }
    if tried == 0 {
        return format!(
            "not known to work or fail, carried out {}",
            count(usize::try_from(fix.executed).unwrap_or(usize::MAX), "time")
        );
    }
    let estimate = &fix.estimate;
    format!("worked in {} of {tried}; {:.2}–{:.2} of the time", fix.worked, estimate.low, estimate.high)
}

/// One article.
pub(super) fn article(model: &Model, canvas: &mut Canvas, area: Rect, name: &str) {
    let Ok(report) = ArticleReport::of(&model.state, name) else {
        canvas.line(area, 0, &[(Role::Muted, format!("  there is no article {name}"))]);
        return;
    };
    let names = ["confirm-article", "edit-article", "retire-article"];
    let able = names.into_iter().filter_map(named).filter(|action| action.why_not(model).is_none());
    let mut buttons: Vec<(String, Target)> = able.map(|action| page::asking(model, action)).collect();
    buttons.push(("Esc Back".to_owned(), Target::Action("back")));
    let foot = page::buttons(canvas, area, buttons);
    let area = Rect { height: area.height.saturating_sub(foot), ..area };
    let known = &report.article;
    let inside = canvas.frame(area, &format!("{name} · version {}", known.version), state(known).1, true);
    let (lines, targets): (Vec<_>, Vec<_>) = facts(model, &report, usize::from(inside.width)).into_iter().unzip();
    canvas.page(inside, &lines, model.scroll);
    page::links(canvas, inside, targets, model.scroll.min(lines.len().saturating_sub(usize::from(inside.height))));
}

fn facts(model: &Model, report: &ArticleReport, columns: usize) -> Vec<Fact> {
    let article = &report.article;
    let mut facts = Facts::new(columns);
    facts.about("What");
    facts.say(Role::Title, &article.body.title);
    facts.say(Role::Muted, &format!("of kind {}", category_name(article.body.category)));
    facts.about("Who");
    facts.say(Role::Text, &format!("written by {}, {}", article.written_by, day_time(article.written_at, model.now)));
    match (&article.retired, &article.confirmed) {
        (Some((at, why)), _) => {
            facts.say(Role::Bad, &format!("✖ not to be used since {}: {why}", day_time(*at, model.now)));
        }
        (None, Some((at, by))) => {
            facts.say(Role::Ok, &format!("✓ {by} stands for it, since {}", day_time(*at, model.now)));
        }
        (None, None) => {
            facts.say(Role::Warn, "○ nobody stands for it yet, so no diagnosis names it: read it, then confirm it");
        }
    }
    facts.about("Fixes");
    for fix in &report.fixes {
        facts.say(Role::Text, &format!("{}. {}: {}", fix.number, fix.says, figures(fix)));
    }
    if report.fixes.is_empty() {
        facts.say(Role::Muted, "none is named");
    }
    if let Some(seconds) = report.time_to_resolution_seconds {
        let time = Duration::try_from_secs_f64(seconds).ok().and_then(|time| TimeDelta::from_std(time).ok());
        facts
            .say(Role::Muted, &format!("half of its incidents took at most {}", text::clock(time.unwrap_or_default())));
    }
    facts.about("Signs");
    for word in &article.body.symptoms.words {
        facts.say(Role::Text, &format!("“{word}”"));
    }
    if !article.body.symptoms.signatures.is_empty() {
        facts.say(Role::Muted, &format!("templates {}", article.body.symptoms.signatures.join(", ")));
    }
    facts.about("How");
    facts.prose(Role::Text, &article.body.procedure);
    facts.about("Avoid");
    if !article.body.prevention.is_empty() {
        facts.prose(Role::Text, &article.body.prevention);
    }
    facts.about("Seen");
    for id in article.incidents.iter().rev().take(LISTED) {
        let title = model.state.incidents.get(id).map_or("", |incident| incident.title.as_str());
        facts.link(Role::Text, &format!("{id} {title}"), &Target::Page(Screen::Incident(*id)));
    }
    match article.incidents.len() {
        0 => facts.say(Role::Muted, "in no incident yet"),
        all if all > LISTED => facts.say(Role::Muted, &format!("+ {} more", all - LISTED)),
        _ => {}
    }
    facts.lines
}
