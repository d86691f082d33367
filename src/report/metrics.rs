//! The figures over a window as a document: medians with their intervals, counts, and what each of them means.

use std::fmt::Write as _;

use super::{
    page::escaped,
    words::{figure, median, moment, share, span},
};
use crate::domain::{Group, IncidentTimes, Metrics, Start, TimeFigures};
use crate::platform::Profile;

/// The figures as a text in Markdown.
#[must_use]
pub fn metrics_markdown(metrics: &Metrics) -> String {
    let mut page = format!("# Incidents of {}\n\n", escaped(&metrics.platform));
    let asked = span(metrics.window_seconds);
    let window = match metrics.begins {
        Start::Asked => format!("the last {asked}"),
        Start::Journal => format!("of the last {asked} asked for, where the journal begins"),
    };
    let _ = writeln!(page, "{} to {}: {window}. Times are UTC.\n", moment(metrics.from), moment(metrics.to));
    if metrics.profile == Profile::Drill {
        page += "**This platform is for drills: none of it happened to users.**\n\n";
    }
    let all = &metrics.all;
    let _ = writeln!(
        page,
        "Incidents: {}. Open: {}. Came back after they were resolved: {}.\n",
        all.incidents, all.open, all.reopened
    );
    let _ = writeln!(
        page,
        "**Changes that broke something: {}**\n\nA change is a deployment that replaced a version, or a change that was carried \
         out; repairs of an incident are left out. It broke something when the last diagnosis of an incident names it, or a recovery \
         that lasted took it away. A change that nobody recorded is not counted.\n",
        share(&metrics.change_failures)
    );
    page += &severities(metrics);
    page += &services(metrics);
    page += &each(&metrics.incidents);
    let _ = write!(
        page,
        "\n## What these figures mean\n\n\
         - All times count from the first sign of trouble, as the clocks of an incident do: the first failed check, or the moment at \
         which a person opened it. TTD ends when the incident was opened, TTA when a person had seen it, the time to respond when \
         somebody worked on it, the time to resolve when users were served again; after a return, when they were served for good.\n\
         - A figure is a median, in brackets the interval that holds the true one with at least 95 % confidence, by order \
         statistics; n is the number of incidents. Two figures whose intervals overlap do not differ as far as is known.\n\
         - A share has Wilson's 95 % interval in brackets. In time means before the target of its severity.\n\
         - Fewer than {} cases give a count and no figure: no two of them enclose the median with 95 % confidence.\n\
         - MTTR is the mean of the times to resolve; a single long incident decides it. MTBF is the window without the time a service \
         was down, divided by the incidents in which it was down.\n",
        metrics.enough
    );
    page
}

fn severities(metrics: &Metrics) -> String {
    let mut text = "## By severity\n\n| | n | TTD | TTA | Respond | Resolve |\n|---|---|---|---|---|---|\n".to_owned();
    let all = ("All", &metrics.all);
    let rows = || metrics.severities.iter().map(|group| (group.name.as_str(), &group.figures)).chain([all]);
    for (name, figures) in rows().filter(|(_, figures)| figures.incidents > 0) {
        let _ = writeln!(text, "| {name} | {} | {} |", figures.incidents, times(figures));
    }
    text += "\n| In time | Acknowledged | Responded | Resolved | MTTR |\n|---|---|---|---|---|\n";
    for (name, figures) in rows().filter(|(_, figures)| figures.incidents > 0) {
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} |",
            share(&figures.acknowledged_in_time),
            share(&figures.responded_in_time),
            share(&figures.resolved_in_time),
            figure(figures.mean_resolve_seconds, figures.resolve.count)
        );
    }
    text
}

fn times(figures: &TimeFigures) -> String {
    let times = [&figures.detect, &figures.acknowledge, &figures.respond, &figures.resolve];
    times.map(median).join(" | ")
}

fn services(metrics: &Metrics) -> String {
    let mut text = "\n## By service\n\n| | n | TTD | TTA | Respond | Resolve | Down | Failures | MTBF |\n\
                    |---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    let hit = |group: &&Group| group.figures.incidents > 0;
    for group in metrics.services.iter().filter(hit) {
        let Some(between) = group.between else { continue };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            escaped(&group.name),
            group.figures.incidents,
            times(&group.figures),
            span(between.down_seconds),
            between.failures,
            figure(between.mtbf_seconds, between.failures)
        );
    }
    let quiet: Vec<String> =
        metrics.services.iter().filter(|group| !hit(group)).map(|group| escaped(&group.name)).collect();
    if !quiet.is_empty() {
        let _ = writeln!(text, "\nWithout an incident: {}.", quiet.join(", "));
    }
    text
}

fn each(incidents: &[IncidentTimes]) -> String {
    if incidents.is_empty() {
        return String::new();
    }
    let mut text = "\n## Each incident\n\n| | Severity | First sign | TTD | TTA | Respond | Resolve | Services |\n\
                    |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for times in incidents {
        let known = |seconds: Option<f64>| seconds.map_or_else(|| "–".to_owned(), span);
        let again = if times.reopened > 0 { format!(", back {}×", times.reopened) } else { String::new() };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {}{again} | {} |",
            times.incident,
            times.severity,
            moment(times.detected_at),
            span(times.detect_seconds),
            known(times.acknowledge_seconds),
            known(times.respond_seconds),
            known(times.resolve_seconds),
            escaped(&times.services.join(", "))
        );
    }
    text
}
