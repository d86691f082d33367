//! Collects the evidence of an incident and has it analysed; where the platform file names a language model, it is asked too.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::sync::{broadcast::error::RecvError, watch};
use tracing::{info, warn};

use super::{Hands, blocking};
use crate::{
    diagnosis::{
        CaseFile, analyse, collect_logs, consult, joined,
        model::{Case, Consultation, Mind, Progress, Question},
        put, scan, signatures,
    },
    domain::{Command, DiagnosisId, Vitals, model_tokens_of_day, unheard},
    engine::{
        ModelWords, observe, prompts,
        watch::{Probed, probe},
    },
    platform::Check,
};

/// Bytes read from the end of each log file.
const LOG_TAIL: u64 = 256 * 1024;
/// How long checks are waited for that are run for a diagnosis, all together: people wait for it.
const ASKING: Duration = Duration::from_secs(3);
/// Pause between two tellings of what a model says: nobody reads faster.
const PACE: Duration = Duration::from_millis(100);

pub(super) async fn run(hands: &Hands, id: DiagnosisId) {
    // What went live a moment ago is the first suspect.
    observe::look(&hands.engine).await;
    let state = hands.engine.state();
    let Some(diagnosis) = state.diagnoses.get(&id) else { return };
    let incident = diagnosis.incident;
    let mut vitals = hands.engine.vitals();
    let checks = unheard(&state, &vitals, incident);
    ask_again(hands, &checks, &mut vitals).await;
    // What was judged meanwhile counts.
    let state = hands.engine.state();
    let now = hands.clock.now();
    let engine = hands.engine.clone();
    let found = blocking(move || {
        engine.catch_up();
        let named = state.incidents.get(&incident).map(|found| found.services.clone()).unwrap_or_default();
        let mut services = named.clone();
        for service in &named {
            services.extend(state.platform.dependencies_of(service));
        }
        services.sort();
        services.dedup();
        let mut logs = engine.collected.excerpts(&services);
        services.retain(|service| logs.iter().all(|excerpt| excerpt.service != *service));
        logs.extend(collect_logs(&state.platform, &services, LOG_TAIL, now));
        let (redactor, observed) = (&engine.redactor, &*engine.collected.observed());
        let (state, vitals) = (&state, &vitals);
        let file = CaseFile { state, vitals, incident, diagnosis: id, redactor, logs, observed, now };
        let mut document = analyse(&file);
        // What is known from earlier is read once, as long as no article changes.
        let signatures = signatures(&file, document.detected_at);
        consult(&mut document, state, &engine.shelf.of(state), &signatures);
        let put = put(&file, &document);
        Ok((document, put))
    })
    .await;
    let (local, put) = match found {
        Ok(found) => found,
        Err(error) => return hands.tell(Command::FailDiagnosis { diagnosis: id, error }).await,
    };
    let document = match &hands.mind {
        None => local,
        Some(mind) => {
            let draft = Arc::new(local.clone());
            hands.tell(Command::DraftDiagnosis { diagnosis: id, document: draft }).await;
            // A stop leaves the diagnosis running; the next start begins it anew.
            let asked = tokio::select! {
                asked = ask(hands, mind, id, &put.case) => asked,
                () = hands.stop.cancelled() => return,
            };
            hands.engine.forget_words(id);
            if let Err(error) = prompts::keep(&hands.work, id, &asked.prompt) {
                warn!(%id, %error, "what was put before the model is not kept");
            }
            joined(local, &put, &mind.model().name, &asked)
        }
    };
    hands.tell(Command::ConcludeDiagnosis { diagnosis: id, document: Arc::new(document) }).await;
}

/// Runs checks side by side and takes in what comes out in time.
async fn ask_again(hands: &Hands, checks: &[(&str, &Check)], vitals: &mut Vitals) {
    let probed = |(service, check): &(&str, &Check)| Probed { service: (*service).to_owned(), check: (*check).clone() };
    let all: Vec<Probed> = checks.iter().map(probed).collect();
    let running = all.iter().map(|probed| probe(&hands.prober, hands.clock.as_ref(), &hands.engine.redactor, probed));
    let mut running: FuturesUnordered<_> = running.collect();
    let taking = async {
        while let Some(sample) = running.next().await {
            vitals.take(sample);
        }
    };
    // Whoever does not answer in time is not heard, as without being asked.
    let _ = tokio::time::timeout(ASKING, taking).await;
}

/// Asks the model, tells what it says meanwhile, and heeds who does not want to wait for it any longer.
async fn ask(hands: &Hands, mind: &Mind, id: DiagnosisId, case: &Case) -> Consultation {
    let now = hands.clock.now();
    let elapsed = || hands.clock.elapsed();
    let redactor = &hands.engine.redactor;
    let (say, said) = watch::channel(Progress::default());
    let (stop, stopped) = watch::channel(None);
    let question = Question {
        case,
        now,
        elapsed: &elapsed,
        chance: &rand::random::<u64>,
        spent: model_tokens_of_day(&hands.engine.state(), now),
        redact: &|text| redactor.line(text),
        scan: &|body| scan(redactor, body),
        progress: Some(&say),
        stopped: Some(&stopped),
    };
    let beside = async {
        tokio::join!(pass_on(hands, id, said), heed(hands, id, stop));
        std::future::pending::<Infallible>().await
    };
    let asked = tokio::select! {
        asked = mind.consult(&question) => asked,
        never = beside => match never {},
    };
    match &asked.outcome {
        Ok(_) => info!(took = ?asked.took, attempts = asked.attempts, "the language model has answered"),
        Err(failure) => info!(%failure, "the language model was not heard"),
    }
    asked
}

/// Tells those who watch what the model has said so far.
async fn pass_on(hands: &Hands, id: DiagnosisId, mut said: watch::Receiver<Progress>) {
    while said.changed().await.is_ok() {
        let Progress { attempt, received, saying } = said.borrow_and_update().clone();
        hands.engine.hear(ModelWords { diagnosis: id, attempt, received, saying });
        tokio::time::sleep(PACE).await;
    }
}

/// Waits until somebody does not want to wait for the model any longer; the journal knows who.
async fn heed(hands: &Hands, id: DiagnosisId, stop: watch::Sender<Option<String>>) {
    let mut events = hands.engine.subscribe();
    loop {
        let state = hands.engine.state();
        if let Some(by) = state.diagnoses.get(&id).and_then(|found| found.not_awaited_by.as_ref()) {
            stop.send_replace(Some(by.to_string()));
            return;
        }
        if let Err(RecvError::Closed) = events.recv().await {
            return;
        }
    }
}
