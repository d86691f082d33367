//! Articles as they are written in a form: what its fields hold of an article, and the article that they make.
//!
//! A fix is a line: `run: restart`, `roll back: code`, either with ` @ patient-api` where it is for that service alone; any other
//! line is done by hand.

use super::{
    form::Form,
    message::Request,
    model::Model,
    preview::Foreseen,
    verdict::{category_name, category_named},
};
use crate::{
    diagnosis::{SEEDS, read_article},
    domain::{Article, ArticleBody, ArticleState, Category, Command, IncidentId, Symptoms, Treatment, article_from},
    platform::{ComponentKind, count},
};

/// What a line may hold.
const LINE: usize = 400;
const RUN: &str = "run:";
const ROLL_BACK: &str = "roll back:";
const BY_HAND: &str = "by hand:";
/// What parts a fix from the service that it is for.
const AT: &str = " @ ";
/// Kinds of components, with their words.
const KINDS: [(ComponentKind, &str); 4] = [
    (ComponentKind::Code, "code"),
    (ComponentKind::Config, "config"),
    (ComponentKind::Database, "database"),
    (ComponentKind::Data, "data"),
];

/// What the form of a new article begins with: what is known of the incident that it is proposed from.
pub(super) fn begin(model: &Model, form: &mut Form, incident: Option<IncidentId>) {
    if let Some((name, body)) = incident.and_then(|id| article_from(&model.state, id)) {
        form.fill("Name", &name);
        fill(form, &body);
    }
}

/// What the form of an article that is written anew begins with: what it says.
pub(super) fn begin_again(model: &Model, form: &mut Form, name: &str) {
    if let Some(article) = model.state.knowledge.articles.get(name) {
        fill(form, &article.body);
    }
}

fn fill(form: &mut Form, body: &ArticleBody) {
    form.fill("Title", &body.title);
    form.pick("Category", category_name(body.category));
    form.fill("Signs", &body.symptoms.words.join("\n"));
    form.fill("Patterns", &body.symptoms.signatures.join(" "));
    form.fill("Fixes", &body.fixes.iter().map(fix_line).collect::<Vec<_>>().join("\n"));
    form.fill("How", &body.procedure);
    form.fill("Avoid", &body.prevention);
}

/// The article that a form holds; the field that lacks something and what, else.
pub(super) fn body(form: &Form) -> Result<ArticleBody, (&'static str, String)> {
    let needed = |label: &'static str, what: &str| match form.text(label) {
        text if text.is_empty() => Err((label, format!("{what} is empty"))),
        text => Ok(text),
    };
    let lines = |label: &'static str| {
        let lines: Vec<String> =
            form.text(label).lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
        match lines.iter().find(|line| line.chars().count() > LINE) {
            Some(_) => Err((label, format!("a line has at most {LINE} characters; break the long one in two"))),
            None => Ok(lines),
        }
    };
    let signatures =
        form.text("Patterns").split([' ', ',', '\n']).filter(|id| !id.is_empty()).map(str::to_owned).collect();
    let fixes = lines("Fixes")?.iter().map(|line| fix(line)).collect::<Result<_, _>>().map_err(|why| ("Fixes", why))?;
    Ok(ArticleBody {
        title: needed("Title", "the title")?,
        category: category_named(&form.choice("Category")).unwrap_or(Category::Unknown),
        symptoms: Symptoms { words: lines("Signs")?, signatures },
        fixes,
        procedure: needed("How", "how to go about it")?,
        prevention: form.text("Avoid"),
    })
}

/// A fix as a line of the form.
fn fix_line(fix: &Treatment) -> String {
    let at = |service: &Option<String>| service.as_ref().map(|name| format!("{AT}{name}")).unwrap_or_default();
    match fix {
        Treatment::RunAction { action, service } => format!("{RUN} {action}{}", at(service)),
        Treatment::RollBack { component, service } => {
            let kind = KINDS.iter().find(|(kind, _)| kind == component).map_or("", |(_, word)| word);
            format!("{ROLL_BACK} {kind}{}", at(service))
        }
        Treatment::ByHand { text } if [RUN, ROLL_BACK, BY_HAND].iter().any(|word| text.starts_with(word)) => {
            format!("{BY_HAND} {text}")
        }
        Treatment::ByHand { text } => text.clone(),
    }
}

/// The fix that a line says.
fn fix(line: &str) -> Result<Treatment, String> {
    let parted = |rest: &str| match rest.split_once(AT) {
        Some((what, service)) => (what.trim().to_owned(), Some(service.trim().to_owned())),
        None => (rest.trim().to_owned(), None),
    };
    if let Some(text) = line.strip_prefix(BY_HAND) {
        return Ok(Treatment::ByHand { text: text.trim().to_owned() });
    }
    if let Some((action, service)) = line.strip_prefix(RUN).map(parted) {
        return Ok(Treatment::RunAction { action, service });
    }
    let Some((kind, service)) = line.strip_prefix(ROLL_BACK).map(parted) else {
        return Ok(Treatment::ByHand { text: line.to_owned() });
    };
    match KINDS.iter().find(|(_, word)| *word == kind) {
        Some((component, _)) => Ok(Treatment::RollBack { component: *component, service }),
        None => Err(format!("“{kind}” cannot be rolled back: code, config, database or data")),
    }
}

/// An article that the rules take, to ask them whether one may be written at all.
pub(super) fn unwritten() -> ArticleBody {
    ArticleBody {
        title: "-".to_owned(),
        category: Category::Unknown,
        symptoms: Symptoms::default(),
        fixes: Vec::new(),
        procedure: "-".to_owned(),
        prevention: String::new(),
    }
}

/// What proposing one leads to.
pub(super) fn proposed(
    model: &Model,
    name: &str,
    body: &ArticleBody,
    incident: Option<IncidentId>,
    foreseen: &mut Foreseen,
) {
    foreseen.fact(format!("{name} is on record as proposed: it is found, and diagnoses do not name it"));
    let confirms = model.key("confirm-article");
    foreseen.fact(format!("Once somebody confirms it ({confirms}) they do, and what becomes of its fixes is counted"));
    if let Some(id) = incident {
        foreseen.fact(format!("You say that {id} was of its kind"));
    }
    signs(body, foreseen);
}

/// What writing one anew leads to.
pub(super) fn edited(model: &Model, before: &Article, after: &Article, is_draft: bool, foreseen: &mut Foreseen) {
    if before.version == after.version {
        return foreseen.fact("Nothing of it is different: nothing is written");
    }
    let (name, version) = (&after.name, after.version);
    foreseen.fact(format!(
        "It becomes version {version} of {name}; what was counted of its fixes stays with version {}",
        before.version
    ));
    match after.state {
        ArticleState::Confirmed => foreseen.fact("It was confirmed: you stand for the new version"),
        _ => foreseen.fact(format!(
            "Nobody stands for the new version until somebody confirms it ({})",
            model.key("confirm-article")
        )),
    }
    if before.state == ArticleState::Retired {
        foreseen.warn("It is retired, and is proposed again by this");
    }
    if is_draft {
        let (by, at) = (&before.written_by, before.written_at.format("%m-%d %H:%MZ"));
        foreseen.warn(format!("You began this before: it takes the place of version {} by {by}, {at}", before.version));
    }
    signs(&after.body, foreseen);
}

fn signs(body: &ArticleBody, foreseen: &mut Foreseen) {
    if body.symptoms.words.is_empty() && body.symptoms.signatures.is_empty() {
        foreseen.warn("It names no signs: it is found by its title and text alone");
    }
}

/// The articles that come with the program.
pub(super) fn seeds() -> Vec<(String, ArticleBody)> {
    SEEDS.iter().filter_map(|(_, text)| read_article(text).ok()).collect()
}

/// Takes articles in: those that are here already, word for word, are left alone, and what says something else is told and left.
pub(super) fn import(model: &mut Model, articles: Vec<(String, ArticleBody)>) -> Vec<Request> {
    let found = articles.len();
    let known = &model.state.knowledge.articles;
    let (here, new): (Vec<_>, Vec<_>) = articles.into_iter().partition(|(name, _)| known.contains_key(name));
    let other: Vec<&str> =
        here.iter().filter(|(name, body)| known[name].body != *body).map(|(name, _)| name.as_str()).collect();
    let words = match (new.len(), other.as_slice()) {
        (0, []) => format!("all {found} are here already"),
        (new, []) => {
            format!(
                "{} imported, {} here already; somebody has to confirm them ({})",
                count(new, "article"),
                here.len(),
                model.key("confirm-article")
            )
        }
        (new, other) => format!(
            "{} imported; {} here that say something else: codeblue knowledge import --replace",
            count(new, "article"),
            other.join(", ")
        ),
    };
    model.say(words, !other.is_empty());
    let command = |(article, body)| Command::ImportArticle { article, body, replace: false };
    new.into_iter().map(|article| Request::Submit(Box::new(command(article)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fix_is_the_same_after_it_was_written_as_a_line_and_read() {
        let run = |service: Option<&str>| Treatment::RunAction {
            action: "restart".to_owned(),
            service: service.map(str::to_owned),
        };
        let hand = |text: &str| Treatment::ByHand { text: text.to_owned() };
        let roll_back = Treatment::RollBack { component: ComponentKind::Data, service: Some("records-db".to_owned()) };
        for (treatment, line) in [
            (run(None), "run: restart"),
            (run(Some("patient-api")), "run: restart @ patient-api"),
            (roll_back, "roll back: data @ records-db"),
            (hand("end the sessions that hold a lock"), "end the sessions that hold a lock"),
            (hand("run: it twice"), "by hand: run: it twice"),
        ] {
            assert_eq!(fix_line(&treatment), line);
            assert_eq!(fix(line), Ok(treatment));
        }
        assert!(fix("roll back: everything").unwrap_err().contains("code, config, database or data"));
    }
}
