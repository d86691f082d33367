//! `codeblue knowledge`

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    article,
    error::{CliError, Exit},
    output::Output,
    session::Session,
    table::{Cell, Paint, Table},
    text, words,
};
use crate::{
    client::Client,
    diagnosis::{FoundArticle, Library, SEEDS, read_article, write_article},
    domain::{Article, ArticleBody, ArticleState, Category, Command, IncidentId, Named, Refusal, article_from},
    report::{ArticleSummary, FixFigures},
};

/// What is known about what breaks: symptoms, procedures, and which fixes work
#[derive(Debug, Subcommand)]
pub enum Knowledge {
    /// Every article in one line
    List {
        /// Only those in this state
        #[arg(long, value_parser = words::article_state())]
        state: Option<ArticleState>,
        /// Only failures of this kind
        #[arg(long, value_parser = words::category)]
        category: Option<Category>,
    },
    /// An article with what became of its fixes
    Show {
        name: String,
    },
    Search(Search),
    Add(Add),
    Edit(Edit),
    /// Stand for an article: from then on diagnoses name it, and suggest its fixes where they are declared
    Confirm {
        name: String,
        /// The version that was read; refused when it is another by now
        #[arg(long)]
        version: Option<u32>,
    },
    /// Have an article not be used any more
    Retire {
        name: String,
        #[arg(long)]
        reason: String,
    },
    Import(Import),
    Export(Export),
}

/// Find articles by words, error codes, lines of logs, or the templates of such lines
///
/// Also finds what is called otherwise (OOM, out of memory), what is written nearly alike, and what begins like it.
#[derive(Debug, Args)]
pub struct Search {
    /// What to look for
    #[arg(required_unless_present = "signatures")]
    words: Vec<String>,
    /// The id of a template, as `codeblue patterns` tells it; may be repeated
    #[arg(long = "signature", value_name = "ID")]
    signatures: Vec<String>,
    /// Only those in this state; without it those that are not retired
    #[arg(long, value_parser = words::article_state())]
    state: Option<ArticleState>,
    /// How many at most
    #[arg(long, default_value_t = 10, value_name = "N")]
    limit: usize,
    /// Search the Markdown files of this folder, without an engine
    #[arg(long, value_name = "DIR", conflicts_with = "state")]
    from: Option<PathBuf>,
}

/// Propose an article: from a file, or written in $EDITOR
#[derive(Debug, Args)]
pub struct Add {
    /// Its name, which never changes: small letters, digits and -
    #[arg(required_unless_present = "file")]
    name: Option<String>,
    /// The article as a Markdown file; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "name")]
    file: Option<PathBuf>,
    /// Make it from this incident, which is over: $EDITOR opens with what is known of it
    #[arg(long, value_name = "INCIDENT")]
    incident: Option<IncidentId>,
    /// Stand for it at once
    #[arg(long)]
    confirm: bool,
}

/// Write an article anew, in $EDITOR or from a file: a new version, whose fixes are counted anew
#[derive(Debug, Args)]
pub struct Edit {
    name: String,
    /// The article as a Markdown file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Take articles from Markdown files
#[derive(Debug, Args)]
pub struct Import {
    /// Files, and folders with files ending in .md
    #[arg(required_unless_present = "seeds", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Those that come with the program
    #[arg(long, conflicts_with = "files")]
    seeds: bool,
    /// Where an article is here already and says something else, make that a new version
    #[arg(long)]
    replace: bool,
    /// Stand for them at once
    #[arg(long)]
    confirm: bool,
}

/// Write articles as Markdown files, one each
#[derive(Debug, Args)]
pub struct Export {
    /// Which; all that are not retired when none is named
    names: Vec<String>,
    /// The folder; it is made when there is none. Without it the one article named is written to standard output
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

impl Knowledge {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::List { state, category } => list(session, state, category).await,
            Self::Show { name } => {
                let report = session.client()?.article(&name).await?;
                session.output.result(&report, || text::block(&report.markdown()))?;
                Ok(Exit::Done)
            }
            Self::Search(search) => search.run(session).await,
            Self::Add(add) => add.run(session).await,
            Self::Edit(edit) => edit.run(session).await,
            Self::Confirm { name, version } => session.submit(Command::ConfirmArticle { article: name, version }).await,
            Self::Retire { name, reason } => session.submit(Command::RetireArticle { article: name, reason }).await,
            Self::Import(import) => import.run(session).await,
            Self::Export(export) => export.run(session).await,
        }
    }
}

fn paint(state: ArticleState) -> Paint {
    match state {
        ArticleState::Proposed => Paint::Warn,
        ArticleState::Confirmed => Paint::Good,
        ArticleState::Retired => Paint::Dim,
    }
}

async fn list(session: &Session, state: Option<ArticleState>, category: Option<Category>) -> Result<Exit, CliError> {
    let mut articles: Vec<ArticleSummary> = session.client()?.articles().await?;
    articles.retain(|article| {
        state.is_none_or(|state| article.state == state) && category.is_none_or(|category| article.category == category)
    });
    session.output.result(&articles, || {
        if articles.is_empty() {
            return "there is no such article; those that come with the program: codeblue knowledge import --seeds"
                .to_owned();
        }
        let mut table = Table::new(["NAME", "STATE", "KIND", "SEEN", "BEST FIX", "TITLE"]);
        for article in &articles {
            table.row([
                Cell::from(&article.name),
                Cell::painted(article.state.to_string(), paint(article.state)),
                Cell::from(text::word(&article.category)),
                Cell::from(article.incidents.to_string()),
                Cell::from(article.best.as_ref().map_or_else(String::new, best)),
                Cell::from(&article.title),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

fn best(fix: &FixFigures) -> String {
    let tries = fix.worked + fix.failed;
    let known = if tries == 0 { "not tried".to_owned() } else { format!("worked {} of {tries}", fix.worked) };
    let says: String = fix.says.chars().take(40).collect();
    format!("{says} ({known})")
}

impl Search {
    async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let words = self.words.join(" ");
        let found = match &self.from {
            None => session.client()?.find_articles(&words, &self.signatures, self.state, self.limit).await?,
            Some(folder) => {
                let signatures: Vec<String> = self.signatures.iter().map(|id| id.to_ascii_lowercase()).collect();
                let articles = article::files(std::slice::from_ref(folder))?
                    .iter()
                    .map(|file| article::read(file))
                    .collect::<Result<Vec<_>, _>>()?;
                Library::of_files(articles, session.now()).search(&words, &signatures, self.limit, |_| true)
            }
        };
        session.output.result(&found, || describe(&found, &session.output))?;
        Ok(Exit::Done)
    }
}

fn describe(found: &[FoundArticle], output: &Output) -> String {
    if found.is_empty() {
        return "nothing is known about that".to_owned();
    }
    let mut table = Table::new(["NAME", "STATE", "KIND", "TITLE", "FOUND BY"]);
    for hit in found {
        let why: Vec<String> = hit
            .why
            .iter()
            .take(4)
            .map(|reason| match &reason.found {
                Some(found) => format!("{} as {found} ({})", reason.asked, reason.part),
                None => format!("{} ({})", reason.asked, reason.part),
            })
            .collect();
        table.row([
            Cell::from(&hit.name),
            Cell::painted(hit.state.to_string(), paint(hit.state)),
            Cell::from(text::word(&hit.category)),
            Cell::from(&hit.title),
            Cell::from(why.join(", ")),
        ]);
    }
    table.render(output)
}

/// What somebody wrote, given as a command, and confirmed after that.
async fn write(session: &Session, command: Command, article: String, confirm: bool) -> Result<Exit, CliError> {
    let client = session.client()?;
    let mut answer = session.give(&client, &command).await?;
    if confirm {
        let confirmed = session.give(&client, &Command::ConfirmArticle { article, version: None }).await?;
        answer.seq = confirmed.seq;
        answer.events.extend(confirmed.events);
    }
    session.report(&answer)?;
    Ok(Exit::Done)
}

/// The text of a new article to go on from: what is known of the incident that it is made from, if there is one.
async fn begun(session: &Session, name: &str, incident: Option<IncidentId>) -> Result<ArticleBody, CliError> {
    let Some(id) = incident else { return Ok(article::blank(name)) };
    let state = session.client()?.state().await?;
    Ok(article_from(&state, id).map_or_else(|| article::blank(name), |(_, body)| body))
}

impl Add {
    async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let (article, body) = match (&self.file, self.name) {
            (Some(file), _) => article::read(file)?,
            (None, Some(name)) => match article::edited(&name, &begun(session, &name, self.incident).await?)? {
                Some(body) => (name, body),
                None => return Err(CliError::Usage("nothing was written, so nothing is proposed".to_owned())),
            },
            (None, None) => return Err(CliError::Usage("name the article, or give it with --file".to_owned())),
        };
        write(
            session,
            Command::ProposeArticle { article: article.clone(), body, incident: self.incident },
            article,
            self.confirm,
        )
        .await
    }
}

impl Edit {
    async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let known = session.client()?.article(&self.name).await?.article;
        let body = match &self.file {
            Some(file) => match article::read(file)? {
                (name, body) if name == self.name => body,
                (other, _) => {
                    return Err(CliError::Usage(format!("{}: this is the article {other}", file.display())));
                }
            },
            None => match article::edited(&self.name, &known.body)? {
                Some(body) => body,
                None => known.body.clone(),
            },
        };
        let command = Command::EditArticle { article: self.name.clone(), body, version: Some(known.version) };
        write(session, command, self.name, false).await
    }
}

/// What became of the files.
#[derive(Debug, Default, Serialize)]
struct Imported {
    imported: Vec<String>,
    unchanged: Vec<String>,
    failed: Vec<Failed>,
}

/// A file that was not taken.
#[derive(Debug, Serialize)]
struct Failed {
    file: String,
    error: String,
}

/// A file, and the article in it or what is wrong with it.
type Taken = (String, Result<(String, ArticleBody), CliError>);

impl Import {
    async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let files = if self.seeds { seeds() } else { self.read()? };
        let client = session.client()?;
        let mut done = Imported::default();
        for (file, read) in files {
            let taken = match read {
                Ok((article, body)) => self.take(session, &client, article, body).await,
                Err(error) => Err(error),
            };
            match taken {
                Ok((name, true)) => done.imported.push(name),
                Ok((name, false)) => done.unchanged.push(name),
                // Without an engine none of the others would be taken either.
                Err(error @ CliError::NoEngine(_)) => return Err(error),
                Err(error) => {
                    let error = error.to_string();
                    let error = error.strip_prefix(&format!("{file}: ")).unwrap_or(&error).to_owned();
                    done.failed.push(Failed { file, error });
                }
            }
        }
        session.output.result(&done, || {
            let mut page = format!(
                "{} imported, {} here already\n",
                text::count(done.imported.len() as u64, "article"),
                done.unchanged.len()
            );
            for failed in &done.failed {
                page += &format!("not taken: {}: {}\n", text::line(&failed.file), text::line(&failed.error));
            }
            page
        })?;
        Ok(if done.failed.is_empty() { Exit::Done } else { Exit::Failed })
    }

    fn read(&self) -> Result<Vec<Taken>, CliError> {
        let files = article::files(&self.files)?;
        Ok(files.iter().map(|file| (file.display().to_string(), article::read(file))).collect())
    }

    /// Takes one article; tells whether that was news.
    async fn take(
        &self,
        session: &Session,
        client: &Client,
        article: String,
        body: ArticleBody,
    ) -> Result<(String, bool), CliError> {
        let name = article.clone();
        let command = Command::ImportArticle { article: name.clone(), body, replace: self.replace };
        let mut events = session.give(client, &command).await?.events;
        if self.confirm {
            events.extend(session.give(client, &Command::ConfirmArticle { article, version: None }).await?.events);
        }
        Ok((name, !events.is_empty()))
    }
}

fn seeds() -> Vec<Taken> {
    let read = |text: &str| read_article(text).map_err(|error| CliError::Failed(error.to_string()));
    SEEDS.iter().map(|(file, text)| ((*file).to_owned(), read(text))).collect()
}

impl Export {
    async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let state = session.client()?.state().await?;
        let articles = &state.knowledge.articles;
        let mut chosen: Vec<&Arc<Article>> = Vec::new();
        for name in &self.names {
            chosen.push(articles.get(name).ok_or_else(|| Refusal::unknown(Named::Article, name))?);
        }
        if self.names.is_empty() {
            chosen = articles.values().filter(|article| article.state != ArticleState::Retired).collect();
        }
        match (&self.to, chosen.as_slice()) {
            (Some(folder), _) => {
                let files = write_all(folder, &chosen)
                    .map_err(|error| CliError::Failed(format!("{}: {error}", folder.display())))?;
                session.output.result(&files, || {
                    format!("wrote {} into {}", text::count(files.len() as u64, "file"), folder.display())
                })?;
            }
            (None, [one]) => {
                let page = write_article(&one.name, &one.body);
                session.output.result(&serde_json::json!({"name": one.name, "markdown": page}), || page.clone())?;
            }
            (None, _) => {
                return Err(CliError::Usage("name one article, or the folder for several: --to DIR".to_owned()));
            }
        }
        Ok(Exit::Done)
    }
}

fn write_all(folder: &Path, articles: &[&Arc<Article>]) -> std::io::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    let files = articles.iter().map(|article| {
        let file = folder.join(format!("{}.md", article.name));
        fs::write(&file, write_article(&article.name, &article.body)).map(|()| file)
    });
    files.collect()
}
