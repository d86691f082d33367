//! The figures of all nodes side by side: what the target's metric did at each, in the trouble and in windows as long as it
//! of the time before.

use std::collections::HashMap;

use super::{
    alias,
    deviation::{Usual, caution, mean, quantile, spread_of_windows, weights, windows},
    graph::Graph,
    metric::{self, Worse},
    score::{Question, Unanswerable},
    table::Table,
};

/// A figure of a node before and during; empty where a table has no such column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figure<'a> {
    pub(super) metric: &'a str,
    pub(super) statistic: &'a str,
    pub(super) before: &'a [f64],
    pub(super) during: &'a [f64],
}

impl Figure<'_> {
    fn is_measured(&self) -> bool {
        self.before.iter().chain(self.during).any(|value| value.is_finite())
    }

    fn usual(&self, calls: Option<&[f64]>) -> Option<Usual> {
        let all = self.before.iter().chain(self.during);
        let largest = all.filter(|value| value.is_finite()).fold(0.0_f64, |largest, value| largest.max(value.abs()));
        let calls = metric::is_percentage(self.metric).then(|| calls.unwrap_or_default());
        Usual::of(self.before, largest, calls)
    }
}

/// What the target's metric did at a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Main<'a> {
    pub(super) figure: Figure<'a>,
    pub(super) usual: Usual,
    /// Its mean during the trouble.
    pub(super) level: f64,
    /// The first row in which it is clearly worse.
    pub(super) onset: Option<usize>,
}

/// By how much the nodes are worse than usual in one window, and how many calls they got. Not a number where nothing was
/// measured.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    pub(super) shifts: Vec<f64>,
    pub(super) calls: Vec<f64>,
}

/// All that is weighed.
pub(super) struct Scene<'a> {
    pub(super) graph: &'a Graph,
    pub(super) target: usize,
    pub(super) metric: &'a str,
    /// 1 when more is worse, -1 when less is.
    pub(super) sign: f64,
    pub(super) times: &'a [f64],
    pub(super) weights: Vec<f64>,
    /// For each node, the one that it is only a view of.
    pub(super) originals: Vec<Option<usize>>,
    pub(super) figures: Vec<Vec<Figure<'a>>>,
    pub(super) main: Vec<Option<Main<'a>>>,
    pub(super) spreads: Vec<f64>,
    pub(super) trouble: Window,
    pub(super) quiet: Vec<Window>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(question: &Question<'a>) -> Result<Self, Unanswerable> {
        let graph = question.graph;
        let target =
            graph.find(question.target).ok_or_else(|| Unanswerable::UnknownTarget(question.target.to_owned()))?;
        let figures = figures(graph, question.before, question.during);
        let chosen = choose(question, &figures[target])?;
        let (metric, usual) = (chosen.metric, chosen.usual(None));
        let usual = usual.ok_or_else(|| Unanswerable::TooFewRows(question.target.to_owned(), metric.to_owned()))?;
        let sign = sign(&chosen, &usual);
        let weights = weights(chosen.during, &usual, sign);
        let calls: Vec<Option<Figure>> = figures.iter().map(|known| calls(known)).collect();
        let main = |node: usize| main(&figures[node], metric, calls[node].as_ref(), sign, &weights);
        let main: Vec<Option<Main>> = (0..figures.len()).map(main).collect();
        let mut scene = Self {
            graph,
            target,
            metric,
            sign,
            times: &question.during.times,
            weights,
            originals: alias::originals(graph),
            spreads: main.iter().map(|main| main.map_or(f64::NAN, |main| main.usual.spread)).collect(),
            trouble: Window::default(),
            quiet: Vec::new(),
            figures,
            main,
        };
        scene.trouble = scene.window(&scene.weights, &calls, |figure| figure.during);
        let (before, during) = (question.before.times.len(), question.during.times.len());
        let caution = caution(before, during);
        for window in windows(before, during) {
            let rows = |figure: &Figure<'a>| figure.before.get(window.clone()).unwrap_or_default();
            let weights = self::weights(rows(&chosen), &usual, sign);
            let window = scene.window(&weights, &calls, rows);
            scene.quiet.push(window);
        }
        for (node, spread) in scene.spreads.iter_mut().enumerate() {
            let mut shifts = scene.quiet.iter().map(|window| window.shifts[node]).collect();
            *spread = spread.max(spread_of_windows(&mut shifts)) * caution;
        }
        Ok(scene)
    }

    fn window(&self, weights: &[f64], calls: &[Option<Figure<'a>>], rows: impl Fn(&Figure<'a>) -> &'a [f64]) -> Window {
        let shift = |main: &Main<'a>| Some(self.sign * (mean(rows(&main.figure), weights)? - main.usual.median));
        let count = |figure: &Figure<'a>| mean(rows(figure), weights);
        Window {
            shifts: self.main.iter().map(|main| main.as_ref().and_then(shift).unwrap_or(f64::NAN)).collect(),
            calls: calls.iter().map(|figure| figure.as_ref().and_then(count).unwrap_or(f64::NAN)).collect(),
        }
    }

    /// How many spreads a figure of any metric moved, either way, and its mean during the trouble.
    pub(super) fn moved(&self, figure: &Figure) -> Option<(f64, f64, Usual)> {
        let (usual, level) = (figure.usual(None)?, mean(figure.during, &self.weights)?);
        let even = vec![1.0 / figure.during.len() as f64; figure.during.len()];
        let quiet = windows(figure.before.len(), figure.during.len());
        let mut shifts: Vec<f64> = quiet
            .into_iter()
            .filter_map(|window| Some((mean(&figure.before[window], &even)? - usual.median).abs()))
            .collect();
        let caution = caution(figure.before.len(), figure.during.len());
        let spread = usual.spread.max(spread_of_windows(&mut shifts)) * caution;
        Some(((level - usual.median) / spread, level, usual))
    }

    /// Whether anything at all was measured of a node.
    pub(super) fn is_measured(&self, node: usize) -> bool {
        self.figures[node].iter().any(Figure::is_measured)
    }
}

fn figures<'a>(graph: &Graph, before: &'a Table, during: &'a Table) -> Vec<Vec<Figure<'a>>> {
    let mut figures: Vec<Vec<Figure>> = vec![Vec::new(); graph.names.len()];
    let mut places: HashMap<(usize, &str, &str), usize> = HashMap::new();
    for column in &before.columns {
        let Some(node) = graph.find(&column.node) else { continue };
        places.insert((node, &column.metric, &column.statistic), figures[node].len());
        let (metric, statistic) = (column.metric.as_str(), column.statistic.as_str());
        figures[node].push(Figure { metric, statistic, before: &column.values, during: &[] });
    }
    for column in &during.columns {
        let Some(node) = graph.find(&column.node) else { continue };
        let (metric, statistic) = (column.metric.as_str(), column.statistic.as_str());
        match places.get(&(node, metric, statistic)) {
            Some(place) => figures[node][*place].during = &column.values,
            None => figures[node].push(Figure { metric, statistic, before: &[], during: &column.values }),
        }
    }
    // The order of the columns must not matter.
    for known in &mut figures {
        known.sort_by_key(|figure| (figure.metric, metric::rank(figure.statistic), figure.statistic));
    }
    figures
}

/// The figure of the target that is asked about: of the metric that was named, else of the one that is worse by most.
fn choose<'a>(question: &Question, figures: &[Figure<'a>]) -> Result<Figure<'a>, Unanswerable> {
    let target = || question.target.to_owned();
    let during = |figure: &&Figure| figure.during.iter().any(|value| value.is_finite());
    if let Some(metric) = question.metric {
        let named: Vec<&Figure> = figures.iter().filter(|figure| figure.metric.eq_ignore_ascii_case(metric)).collect();
        if named.is_empty() {
            let mut known: Vec<String> = figures.iter().map(|figure| figure.metric.to_owned()).collect();
            known.dedup();
            return Err(Unanswerable::UnknownMetric { target: target(), metric: metric.to_owned(), known });
        }
        let usable = named.iter().find(|figure| during(figure) && figure.usual(None).is_some());
        return usable.map(|figure| **figure).ok_or_else(|| Unanswerable::TooFewRows(target(), metric.to_owned()));
    }
    let by = |figure: &Figure| {
        let usual = figure.usual(None)?;
        let sign = match metric::worse(figure.metric) {
            Worse::Up => 1.0,
            Worse::Down => -1.0,
            Worse::Unknown => return None,
        };
        let level = mean(figure.during, &weights(figure.during, &usual, sign))?;
        Some(sign * (level - usual.median) / usual.spread)
    };
    // Of each metric the statistic that adds up best stands first.
    let first = figures.iter().filter(during).filter(|figure| figure.usual(None).is_some());
    let mut metrics: Vec<&Figure> = first.collect();
    metrics.dedup_by_key(|figure| figure.metric);
    let worst = metrics.into_iter().filter_map(|figure| Some((by(figure)?, figure))).max_by(|a, b| a.0.total_cmp(&b.0));
    worst.map(|(_, figure)| *figure).ok_or_else(|| Unanswerable::NothingMeasured(target()))
}

fn sign(figure: &Figure, usual: &Usual) -> f64 {
    match metric::worse(figure.metric) {
        Worse::Up => 1.0,
        Worse::Down => -1.0,
        Worse::Unknown => {
            let mut during: Vec<f64> = figure.during.iter().copied().filter(|value| value.is_finite()).collect();
            during.sort_by(f64::total_cmp);
            if quantile(&during, 0.5) < usual.median { -1.0 } else { 1.0 }
        }
    }
}

fn calls<'a>(figures: &[Figure<'a>]) -> Option<Figure<'a>> {
    figures.iter().filter(|figure| metric::counts_calls(figure.metric)).find(|figure| figure.is_measured()).copied()
}

fn main<'a>(
    figures: &[Figure<'a>],
    metric: &str,
    calls: Option<&Figure<'a>>,
    sign: f64,
    weights: &[f64],
) -> Option<Main<'a>> {
    figures.iter().filter(|figure| figure.metric.eq_ignore_ascii_case(metric)).find_map(|figure| {
        let usual = figure.usual(calls.map(|calls| calls.before))?;
        let level = mean(figure.during, weights)?;
        let worst = figure.during.iter().map(|value| sign * (value - usual.median)).fold(0.0, f64::max);
        let clearly = (2.0 * usual.spread).max(0.3 * worst);
        let onset = figure.during.iter().position(|value| sign * (value - usual.median) > clearly);
        Some(Main { figure: *figure, usual, level, onset })
    })
}
