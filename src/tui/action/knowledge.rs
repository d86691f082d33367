//! What can be done with what is known: verdicts on diagnoses, their record, and articles.

use super::{
    here::{NO_INCIDENT, ask, cannot_act, confirm, open},
    table::{Action, Danger, Where},
};
use crate::{
    diagnosis::write_article,
    domain::{ArticleState, Command, DiagnosisId, DiagnosisState, IncidentId, Judgement},
    tui::{
        decision::cannot_write,
        form::{Writing, open_form},
        message::Request,
        model::{List, Model, Purpose, Screen},
        preview::refusal,
        term::input::Key,
    },
};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        name: "judge-right",
        keys: &[Key::Char('+')],
        label: "Right",
        about: "On the page of a diagnosis: say that the cause it puts first was the cause",
        place: Where::Diagnosis,
        danger: Danger::Guarded,
        disabled: |model| may_judge(model, Judgement::Right).err(),
        run: |model| judge(model, Judgement::Right),
    },
    Action {
        name: "judge-partly",
        keys: &[Key::Char('=')],
        label: "Partly",
        about: "Say that the diagnosis was near: the right service with another failure, or one of several causes",
        place: Where::Diagnosis,
        danger: Danger::Guarded,
        disabled: |model| may_judge(model, Judgement::Partly).err(),
        run: |model| judge(model, Judgement::Partly),
    },
    Action {
        name: "judge-wrong",
        keys: &[Key::Char('-')],
        label: "Wrong",
        about: "Say that the diagnosis was wrong, and what the cause was as far as it is known",
        place: Where::Diagnosis,
        danger: Danger::Guarded,
        disabled: |model| may_judge(model, Judgement::Wrong).err(),
        run: |model| judge(model, Judgement::Wrong),
    },
    Action {
        name: "reliability",
        keys: &[Key::Char('R')],
        label: "Record",
        about: "How often diagnoses of each sureness were right, as people say",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Reliability),
    },
    Action {
        name: "knowledge",
        keys: &[Key::Char('A')],
        label: "Articles",
        about: "The knowledge base: what is known of failures, and what became of their fixes",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Knowledge),
    },
    Action {
        name: "propose-article",
        keys: &[Key::Char('I')],
        label: "Make an article",
        about: "Of an incident that is over: propose an article from what is known of it, for the next time",
        place: Where::Incident,
        danger: Danger::Guarded,
        disabled: |model| to_make(model).err(),
        run: |model| match to_make(model) {
            Ok(id) => open_form(model, &Writing::ProposeArticle(Some(id)), None),
            Err(_) => Vec::new(),
        },
    },
    Action {
        name: "new-article",
        keys: &[Key::Char('n')],
        label: "New",
        about: "Among the articles: propose one",
        place: Where::Knowledge,
        danger: Danger::Guarded,
        disabled: |model| among(model).err().or_else(|| cannot_write(model, &Writing::ProposeArticle(None))),
        run: |model| open_form(model, &Writing::ProposeArticle(None), None),
    },
    Action {
        name: "edit-article",
        keys: &[Key::Char('e')],
        label: "Edit",
        about: "Write the article anew: a new version, whose fixes are counted anew",
        place: Where::Knowledge,
        danger: Danger::Guarded,
        disabled: |model| match in_question(model) {
            Err(why) => Some(why),
            Ok(name) => cannot_write(model, &Writing::EditArticle(name)),
        },
        run: |model| match in_question(model) {
            Ok(name) => open_form(model, &Writing::EditArticle(name), None),
            Err(_) => Vec::new(),
        },
    },
    Action {
        name: "import-articles",
        keys: &[Key::Char('I')],
        label: "Import",
        about: "Take articles from Markdown files, or those that come with the program",
        place: Where::Knowledge,
        danger: Danger::Reversible,
        disabled: |model| among(model).err(),
        run: |model| {
            let title = "Import which file or folder? Nothing for those that come with the program";
            ask(model, title.to_owned(), Purpose::Import)
        },
    },
    Action {
        name: "export-articles",
        keys: &[Key::Char('X')],
        label: "Export",
        about: "Write the article, or all that are not retired, as Markdown files",
        place: Where::Knowledge,
        danger: Danger::View,
        disabled: |model| exported(model).err(),
        run: |model| ask(model, "Write them into which folder, on this host?".to_owned(), Purpose::Export),
    },
    Action {
        name: "confirm-article",
        keys: &[Key::Char('a')],
        label: "Confirm",
        about: "Among the articles: stand for it, so that diagnoses name it and its fixes are counted",
        place: Where::Knowledge,
        danger: Danger::Guarded,
        disabled: |model| match in_question(model) {
            Err(why) => Some(why),
            Ok(name) if model.state.knowledge.articles[&name].state == ArticleState::Confirmed => {
                Some(format!("{name} is confirmed already"))
            }
            Ok(name) => refusal(model, confirmation(model, name)),
        },
        run: |model| match in_question(model) {
            Ok(name) => {
                let lines = vec![
                    "From now on diagnoses name it where it fits, and what becomes of its fixes is counted.".to_owned(),
                    "It is on record that you stand for it as it is now.".to_owned(),
                ];
                let command = confirmation(model, name.clone());
                confirm(model, format!("Confirm {name}"), lines, "Confirm it", command)
            }
            Err(_) => Vec::new(),
        },
    },
    Action {
        name: "retire-article",
        keys: &[Key::Char('x')],
        label: "Retire",
        about: "The article is not to be used any more, with a reason",
        place: Where::Knowledge,
        danger: Danger::Guarded,
        disabled: |model| match in_question(model) {
            Err(why) => Some(why),
            Ok(name) if model.state.knowledge.articles[&name].state == ArticleState::Retired => {
                Some(format!("{name} is retired already"))
            }
            Ok(name) => cannot_write(model, &Writing::RetireArticle(name)),
        },
        run: |model| match in_question(model) {
            Ok(name) => open_form(model, &Writing::RetireArticle(name), None),
            Err(_) => Vec::new(),
        },
    },
];

/// The diagnosis on the page, when its answer may be judged by who looks; why not, else.
fn may_judge(model: &Model, judgement: Judgement) -> Result<DiagnosisId, String> {
    if let Some(why) = cannot_act(model) {
        return Err(why);
    }
    let looked = model
        .looked()
        .ok_or_else(|| format!("open the diagnosis of an incident first ({})", model.key("diagnosis")))?;
    let (found, _) = looked
        .answer
        .ok_or_else(|| format!("there is no answer yet; {} looks for the cause", model.key("diagnose")))?;
    if found.state == DiagnosisState::Running {
        return Err("the language model is still asked about it".to_owned());
    }
    let command = Command::JudgeDiagnosis { diagnosis: found.id, judgement, cause: None, note: String::new() };
    refusal(model, command).map_or(Ok(found.id), Err)
}

fn judge(model: &mut Model, judgement: Judgement) -> Vec<Request> {
    match may_judge(model, judgement) {
        Ok(id) => open_form(model, &Writing::Judge(id, judgement), None),
        Err(_) => Vec::new(),
    }
}

/// The incident that an article can be made from; why there is none, else.
fn to_make(model: &Model) -> Result<IncidentId, String> {
    if let Some(why) = cannot_act(model) {
        return Err(why);
    }
    let id = model.incident().ok_or_else(|| NO_INCIDENT.to_owned())?;
    let made = model.state.knowledge.articles.values().find(|article| article.made_from == Some(id));
    match made {
        Some(article) => {
            let (shows, writes) = (model.key("knowledge"), model.key("edit-article"));
            Err(format!("{} was made from {id}: {shows} shows it, {writes} writes it anew", article.name))
        }
        None => cannot_write(model, &Writing::ProposeArticle(Some(id))).map_or(Ok(id), Err),
    }
}

/// Whether the articles are open, and who looks may act.
fn among(model: &Model) -> Result<(), String> {
    match model.screen() {
        Screen::Knowledge | Screen::Article(_) => cannot_act(model).map_or(Ok(()), Err),
        _ => Err(format!("open the articles first ({})", model.key("knowledge"))),
    }
}

/// The articles that would be written as files, each with its text; why there are none, else.
pub fn exported(model: &Model) -> Result<Vec<(String, String)>, String> {
    let articles = &model.state.knowledge.articles;
    let one = match model.screen() {
        Screen::Knowledge => None,
        Screen::Article(name) => Some(name),
        _ => return Err(format!("open the articles first ({})", model.key("knowledge"))),
    };
    let wanted = articles.values().filter(|article| match one {
        Some(name) => article.name == *name,
        None => article.state != ArticleState::Retired,
    });
    let files: Vec<_> =
        wanted.map(|article| (article.name.clone(), write_article(&article.name, &article.body))).collect();
    if files.is_empty() { Err("there is no article to write".to_owned()) } else { Ok(files) }
}

/// The article that is selected or read; why nothing can be done with one, else.
fn in_question(model: &Model) -> Result<String, String> {
    let name = match model.screen() {
        Screen::Knowledge => model.selected(List::Articles),
        Screen::Article(name) => Some(name.clone()),
        _ => return Err(format!("open the articles first ({})", model.key("knowledge"))),
    };
    if let Some(why) = cannot_act(model) {
        return Err(why);
    }
    let known = name.filter(|name| model.state.knowledge.articles.contains_key(name));
    known.ok_or_else(|| "select an article first".to_owned())
}

fn confirmation(model: &Model, article: String) -> Command {
    let version = model.state.knowledge.articles.get(&article).map(|found| found.version);
    Command::ConfirmArticle { article, version }
}
