//! Diagnoses of incidents that never happened: how often the cause comes first and the first proposal heals, by family, and how
//! long one takes.

use std::time::{Duration, Instant};

use codeblue::diagnosis::confidence::Quality;
use divan::{Bencher, black_box, counter::ItemsCount};

use crate::matrix::{Half, Mark, ask, confusions, incidents, measure, table};

/// Lines of a log that an analysis is given at most in `lines_by_the_hundred_thousand`.
const LINES: usize = 100_000;

/// How long analyses took: the middle, the one in twenty, the slowest.
fn pace(mut took: Vec<Duration>) -> String {
    took.sort();
    let at = |percent: usize| took[(took.len() * percent).div_ceil(100).max(1) - 1];
    format!("{} analyses took {:.1?} (p50), {:.1?} (p95), {:.1?} (slowest)", took.len(), at(50), at(95), at(100))
}

/// An analysis of 100,000 lines: what is asked of it is an answer within 2 s in 95 of 100 cases.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn lines_by_the_hundred_thousand(bencher: Bencher) {
    let mut all: Vec<_> = incidents(Half::First, 0..2).map(|(_, incident)| incident).collect();
    for incident in &mut all {
        let given: usize = incident.logs.iter().map(|log| log.entries.len()).sum();
        for log in &mut incident.logs {
            let times = LINES / given.max(1) + 1;
            log.entries = log.entries.iter().flat_map(|entry| std::iter::repeat_n(entry.clone(), times)).collect();
        }
    }
    let took = |incident| {
        let start = Instant::now();
        black_box(ask(incident));
        start.elapsed()
    };
    let lines: usize =
        all.iter().map(|incident| incident.logs.iter().map(|log| log.entries.len()).sum::<usize>()).sum();
    println!("of {} lines each: {}", lines / all.len(), pace(all.iter().map(took).collect()));
    bencher.counter(ItemsCount::new(lines / all.len())).bench_local(|| ask(&all[0]));
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn matrix(bencher: Bencher) {
    for (title, half) in [
        ("families beside which the rules were written", Half::First),
        ("families that are only measured", Half::Second),
        ("windows in which nothing is wrong: top-1 is to name nothing", Half::Quiet),
        ("families that nobody wrote rules for", Half::Third),
        ("windows in which nothing is wrong, by the same hand", Half::ThirdQuiet),
        ("families of a second stranger", Half::Fourth),
        ("windows in which nothing is wrong, by that hand", Half::FourthQuiet),
        ("families of a third stranger", Half::Fifth),
        ("windows in which nothing is wrong, by that hand too", Half::FifthQuiet),
    ] {
        let marks = measure(half, 0..40);
        println!("{title}\n{}{}", table(&marks), confusions(&marks));
        let error = |of: fn(&Mark) -> f64| {
            let named = marks.iter().filter(|mark| mark.confidence > 0.0);
            let cases: Vec<(f64, bool)> = named.map(|mark| (of(mark), mark.first)).collect();
            Quality::of(&cases).map(|quality| quality.ece)
        };
        if let (Some(raw), Some(shown)) = (error(|mark| mark.weight), error(|mark| mark.confidence)) {
            println!("calibration error of what is named {raw:.3} before the curve, {shown:.3} as shown");
        }
        println!("{}\n", pace(marks.iter().map(|mark| mark.took).collect()));
    }
    let all: Vec<_> = incidents(Half::Second, 0..3).map(|(_, incident)| incident).collect();
    let mut next = all.iter().cycle();
    bencher.bench_local(|| next.next().map(ask));
}
