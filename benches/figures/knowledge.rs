//! Searching the knowledge base: how long a question takes among 10,000 articles, beside reading all of them for each word.

use std::sync::LazyLock;

use chrono::DateTime;
use codeblue::{
    diagnosis::Library,
    domain::{ArticleBody, Category, Symptoms},
};
use divan::Bencher;

const ARTICLES: u64 = 10_000;
/// Different words; the hundredth is a hundred times rarer than the first, as in real texts.
const WORDS: u64 = 20_000;

/// A number that looks random and is the same in every run (SplitMix64).
fn roll(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A word by how rare it is, in letters.
fn word(seed: u64) -> String {
    let share = (roll(seed) >> 11) as f64 / (1_u64 << 53) as f64;
    let mut number = roll((WORDS as f64).powf(share) as u64);
    let mut word = String::new();
    for _ in 0..4 + number % 5 {
        number = roll(number);
        word.push(char::from(b'a' + (number % 26) as u8));
    }
    word
}

fn text(seed: u64, words: u64) -> String {
    (0..words).map(|place| word(seed.wrapping_mul(1000).wrapping_add(place))).collect::<Vec<_>>().join(" ")
}

static ALL: LazyLock<Vec<(String, ArticleBody)>> = LazyLock::new(|| {
    let articles = (1..=ARTICLES).map(|number| {
        let seed = number * 100;
        let words = (0..6).map(|line| text(seed + line, 8)).collect();
        let body = ArticleBody {
            title: text(seed + 10, 8),
            category: Category::Process,
            symptoms: Symptoms { words, signatures: Vec::new() },
            fixes: Vec::new(),
            procedure: (20..40).map(|line| text(seed + line, 10) + "\n").collect(),
            prevention: text(seed + 50, 20),
        };
        (format!("article-{number}"), body)
    });
    articles.collect()
});

static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::of_files(ALL.clone(), DateTime::UNIX_EPOCH));

/// What somebody types: three words.
#[divan::bench]
fn knowledge_typed(bencher: Bencher) {
    asked(bencher, 3);
}

/// What a diagnosis asks: eighty words of evidence.
#[divan::bench]
fn knowledge_diagnosis(bencher: Bencher) {
    asked(bencher, 80);
}

fn asked(bencher: Bencher, words: u64) {
    let library = &*LIBRARY;
    let mut seed = 5_000_000;
    let questions = || {
        seed += 1;
        text(seed, words)
    };
    bencher.with_inputs(questions).bench_local_refs(|question| library.search(question, &[], 10, |_| true));
}

/// The rival: every article is read for three words, and those that have most of them come first.
#[divan::bench(sample_count = 20)]
fn knowledge_typed_by_reading_all(bencher: Bencher) {
    let pages: Vec<String> = ALL
        .iter()
        .map(|(name, body)| {
            [name, &body.title, &body.symptoms.words.join("\n"), &body.procedure, &body.prevention]
                .map(String::as_str)
                .join("\n")
        })
        .collect();
    let mut seed = 5_000_000;
    let questions = || {
        seed += 1;
        text(seed, 3)
    };
    bencher.with_inputs(questions).bench_local_refs(|question| {
        let mut found: Vec<(usize, usize)> = pages
            .iter()
            .enumerate()
            .map(|(place, page)| (question.split(' ').filter(|word| page.contains(*word)).count(), place))
            .collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.truncate(10);
        found
    });
}
