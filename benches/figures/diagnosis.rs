//! Diagnoses of incidents that never happened: how often the cause comes first and the first proposal heals, by family, and how
//! long one takes.

use codeblue::diagnosis::confidence::Quality;
use divan::Bencher;

use crate::matrix::{Half, Mark, ask, incidents, measure, table};

#[divan::bench(sample_count = 20, sample_size = 1)]
fn matrix(bencher: Bencher) {
    for (title, half) in [
        ("families beside which the rules were written", Half::First),
        ("families that are only measured", Half::Second),
        ("windows in which nothing is wrong: top-1 is to name nothing", Half::Quiet),
    ] {
        let marks = measure(half, 0..40);
        println!("{title}\n{}", table(&marks));
        let error = |of: fn(&Mark) -> f64| {
            let cases: Vec<(f64, bool)> = marks.iter().map(|mark| (of(mark), mark.first)).collect();
            Quality::of(&cases).map_or(0.0, |quality| quality.ece)
        };
        let (raw, shown) = (error(|mark| mark.weight), error(|mark| mark.confidence));
        let slowest = marks.iter().map(|mark| mark.took).max();
        println!("calibration error {raw:.3} before the curve, {shown:.3} as shown; the slowest took {slowest:?}\n");
    }
    let all: Vec<_> = incidents(Half::Second, 0..3).map(|(_, incident)| incident).collect();
    let mut next = all.iter().cycle();
    bencher.bench_local(|| next.next().map(ask));
}
