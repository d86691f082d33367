use super::{index::Seen, words::terms, *};

fn page(name: &str, title: &str, symptoms: &[&str]) -> Page {
    Page {
        name: name.to_owned(),
        title: title.to_owned(),
        category: "resource".to_owned(),
        symptoms: symptoms.iter().map(|&text| text.to_owned()).collect(),
        ..Page::default()
    }
}

fn text(page: &Page) -> Text<'_> {
    Text {
        name: &page.name,
        title: &page.title,
        category: &page.category,
        symptoms: &page.symptoms,
        signatures: &page.signatures,
        procedure: &page.procedure,
        prevention: &page.prevention,
    }
}

fn library() -> Vec<Page> {
    let mut pages = vec![
        page("disk-full", "A disk is full", &["No space left on device", "ENOSPC"]),
        page("memory", "A process needs too much memory", &["java.lang.OutOfMemoryError: heap", "OOMKilled"]),
        page("refused", "Nothing listens", &["connect ECONNREFUSED 10.0.0.1:5432"]),
        page("pool", "The pool of connections is empty", &["ConnectionPool.acquire_timeout exceeded"]),
        page("certificate", "A certificate has expired", &["x509: certificate has expired or is not yet valid"]),
    ];
    pages[4].category = "configuration".to_owned();
    pages[3].signatures = vec!["00112233aabbccdd".to_owned()];
    pages[2].procedure = "Look whether the database listens. Restart it when its disk has room.".to_owned();
    pages
}

fn found(words: &str) -> Vec<String> {
    let pages = library();
    let hits = Index::of(pages.iter().map(text)).search(&Query { words, signatures: &[] }, 3, |_| true);
    hits.into_iter().map(|hit| pages[hit.article].name.clone()).collect()
}

#[test]
fn a_name_is_found_whole_and_in_its_parts() {
    assert_eq!(
        terms("ConnectionPool.acquire_timeout of HTTPServer"),
        ["connectionpool.acquire_timeout", "connection", "pool", "acquire", "timeout", "httpserver", "http", "server"]
    );
    for words in ["connection pool", "acquire timeout", "connectionpool.acquire_timeout", "AcquireTimeout", "pools"] {
        assert_eq!(found(words).first().map(String::as_str), Some("pool"), "{words}");
    }
}

#[test]
fn what_has_several_names_is_found_by_each_and_says_so() {
    for (words, name) in [
        ("disk full", "disk-full"),
        ("out of memory", "memory"),
        ("OOM", "memory"),
        ("connection refused", "refused"),
        ("os error 28", "disk-full"),
        ("expired certificate", "certificate"),
    ] {
        assert_eq!(found(words).first().map(String::as_str), Some(name), "{words}");
    }
    let pages = library();
    let hits =
        Index::of(pages.iter().map(text)).search(&Query { words: "exit code 137", signatures: &[] }, 1, |_| true);
    assert_eq!(pages[hits[0].article].name, "memory");
    let why = &hits[0].why[0];
    assert_eq!(
        (why.asked.as_str(), why.found.as_deref(), why.part),
        ("exit code 137", Some("oom"), Some(Seen::Symptoms))
    );
}

#[test]
fn a_slip_of_the_hand_and_the_beginning_of_a_word_still_find_it() {
    for (words, name) in
        [("certifcate", "certificate"), ("expird", "certificate"), ("certi", "certificate"), ("memroy", "memory")]
    {
        assert_eq!(found(words).first().map(String::as_str), Some(name), "{words}");
    }
    assert_eq!(found("zebra"), [""; 0]);
    assert_eq!(found("the of and"), [""; 0]);
}

#[test]
fn a_template_comes_before_all_words_and_who_is_not_wanted_does_not_come() {
    let pages = library();
    let index = Index::of(pages.iter().map(text));
    let signatures = vec!["00112233aabbccdd".to_owned(), "ffffffffffffffff".to_owned()];
    let query = Query { words: "disk full no space left on device enospc", signatures: &signatures };
    let hits = index.search(&query, 9, |_| true);
    let names: Vec<&str> = hits.iter().map(|hit| pages[hit.article].name.as_str()).collect();
    assert_eq!(names[..2], ["pool", "disk-full"]);
    assert_eq!((hits[0].why[0].asked.as_str(), hits[0].why[0].part), ("00112233aabbccdd", None));
    assert!(index.search(&query, 9, |article| article != 3).iter().all(|hit| hit.article != 3));
    assert!(index.search(&query, 0, |_| true).is_empty());
    assert!(Index::of([]).search(&query, 9, |_| true).is_empty());
}

const ANY: &dyn Fn(&str) -> Result<(), String> = &|_| Ok(());

#[test]
fn a_page_reads_back_as_it_was_written() {
    let mut page = page("a-b", "Quotes \" and \\ and ' and ünïcode", &["C:\\temp = \"x\"", "+++"]);
    page.signatures = vec!["0011223344556677".to_owned()];
    page.fixes = vec![
        PageFix::RollBack("code".to_owned(), None),
        PageFix::Run("restart".to_owned(), Some("patient-api".to_owned())),
        PageFix::ByHand("call \"them\"".to_owned()),
    ];
    page.procedure =
        "# Look\n\n+++\n\n    code\n\n# Prevention\nis a heading here, \\# Prevention too\n\\# Prevention".to_owned();
    page.prevention = "Watch it.\n\n# Prevention\n\\\\# Prevention\nagain".to_owned();
    let written = page.write();
    assert_eq!(Page::read(&written, ANY, ANY).as_ref(), Ok(&page), "{written}");
    assert_eq!(Page::read(&written.replace('\n', "\r\n"), ANY, ANY), Ok(page), "also from Windows");
}

#[test]
fn what_is_wrong_with_a_page_is_said_with_its_line() {
    let good = page("disk-full", "A disk is full", &["enospc"]).write() + "\nLook.\n";
    let wrong = |from: &str, to: &str| {
        let known: &dyn Fn(&str) -> Result<(), String> =
            &|word| if word == "resource" { Ok(()) } else { Err(format!("there is no {word}")) };
        Page::read(&good.replacen(from, to, 1), known, known).unwrap_err().to_string()
    };
    assert!(wrong("+++", "---").starts_with("line 1: expected +++"));
    assert!(wrong("]\n+++", "]\n").contains("has no end"));
    assert!(wrong("title", "titel").starts_with("line 3: unknown field `titel`"), "{}", wrong("title", "titel"));
    assert_eq!(wrong("\"resource\"", "\"zebra\""), "line 4: there is no zebra");
    assert_eq!(wrong("\"A disk is full\"", "\" \""), "line 3: the title is empty");
    assert!(wrong("title = \"A disk is full\"\n", "").contains("missing field `title`"));
    let two = wrong("]\n+++", "]\n[[fix]]\nrun = \"a\"\n[[fix]]\nrun = \"b\"\nby_hand = \"c\"\n+++");
    assert_eq!(two, "line 10: a fix has exactly one of roll_back, run and by_hand");
    let kind = wrong("]\n+++", "]\n[[fix]]\nroll_back = \"zebra\"\n+++");
    assert_eq!(kind, "line 9: there is no zebra");
    assert!(wrong("enospc\"", "enospc").starts_with("line 6: "));
}
