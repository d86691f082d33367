//! What a record of right and wrong answers bears out: exact binomial bounds.
//!
//! Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", 1934: the
//! bound is the rate at which what was seen is just still possible.

/// How sure a bound is.
const SURE: f64 = 0.95;

/// The rate that so many right answers of all cases bear out: the true one is above it with 95 % certainty. 59 of 59 bear
/// out 0.95; 58 of 58 do not.
#[must_use]
pub fn earned(right: u32, cases: u32) -> f64 {
    lower_bound(right, cases, SURE)
}

/// The rate that the true one is above, with this certainty (0 to 1, one-sided). Without cases it is 0.
#[must_use]
pub fn lower_bound(right: u32, cases: u32, sure: f64) -> f64 {
    if right == 0 {
        return 0.0;
    }
    // Seeing as many or more gets likelier with the rate.
    bisect(|rate| at_least(right, cases, rate) < 1.0 - sure)
}

/// The rate that the true one is below, with this certainty (0 to 1, one-sided). Without cases it is 1.
#[must_use]
pub fn upper_bound(right: u32, cases: u32, sure: f64) -> f64 {
    if right >= cases {
        return 1.0;
    }
    bisect(|rate| 1.0 - at_least(right + 1, cases, rate) > 1.0 - sure)
}

/// Where a condition that holds from 0 on ends.
fn bisect(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if holds(middle) { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The probability of `right` or more of `cases` at a rate strictly between 0 and 1.
fn at_least(right: u32, cases: u32, rate: f64) -> f64 {
    let odds = rate.ln() - (-rate).ln_1p();
    // Of none, then of each number from the one before it; in logarithms, as the first may be tiny.
    let mut part = f64::from(cases) * (-rate).ln_1p();
    let mut sum = 0.0;
    for number in 0..=cases {
        if number >= right {
            sum += part.exp();
        }
        part += (f64::from(cases - number) / f64::from(number + 1)).ln() + odds;
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_those_of_the_tables() {
        // Two-sided 95 %, as the tables have it, is one-sided 97.5 %.
        for (right, cases, low, high) in
            [(10, 10, 0.6915, 1.0), (0, 10, 0.0, 0.3085), (5, 10, 0.1871, 0.8129), (81, 263, 0.2527, 0.3676)]
        {
            assert!((lower_bound(right, cases, 0.975) - low).abs() < 6e-5, "{right} of {cases}");
            assert!((upper_bound(right, cases, 0.975) - high).abs() < 6e-5, "{right} of {cases}");
        }
    }

    #[test]
    fn ninety_five_percent_takes_59_cases_without_an_error_93_with_one_124_with_two() {
        for (errors, cases) in [(0, 59), (1, 93), (2, 124)] {
            assert!(earned(cases - errors, cases) >= 0.95, "{errors} of {cases}");
            assert!(earned(cases - 1 - errors, cases - 1) < 0.95, "{errors} of {}", cases - 1);
        }
        for (claim, cases) in [(0.90, [29, 46, 61]), (0.85, [19, 30, 40])] {
            for (errors, cases) in (0..).zip(cases) {
                assert!(earned(cases - errors, cases) >= claim && earned(cases - 1 - errors, cases - 1) < claim);
            }
        }
    }

    #[test]
    fn no_cases_bear_out_nothing() {
        assert_eq!((earned(0, 0), upper_bound(0, 0, 0.95)), (0.0, 1.0));
        assert!(earned(20_000, 20_000) > 0.999);
    }
}
