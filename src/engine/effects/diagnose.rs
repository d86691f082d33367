//! Collects the evidence of an incident and has it analysed.

use std::sync::Arc;

use super::{Hands, blocking};
use crate::{
    diagnosis::{CaseFile, analyse, collect_logs},
    domain::{Command, DiagnosisId},
    engine::observe,
};

/// Bytes read from the end of each log file.
const LOG_TAIL: usize = 256 * 1024;

pub(super) async fn run(hands: &Hands, id: DiagnosisId) {
    // What went live a moment ago is the first suspect.
    observe::look(&hands.engine).await;
    let state = hands.engine.state();
    let Some(diagnosis) = state.diagnoses.get(&id) else { return };
    let incident = diagnosis.incident;
    let vitals = hands.engine.vitals();
    let now = hands.clock.now();
    let redactor = hands.engine.redactor.clone();
    let found = blocking(move || {
        let named = state.incidents.get(&incident).map(|found| found.services.clone()).unwrap_or_default();
        let mut services = named.clone();
        for service in &named {
            services.extend(state.platform.dependencies_of(service));
        }
        services.sort();
        services.dedup();
        let logs = collect_logs(&state.platform, &services, LOG_TAIL);
        Ok(analyse(&CaseFile {
            state: &state,
            vitals: &vitals,
            incident,
            diagnosis: id,
            redactor: &redactor,
            logs,
            now,
        }))
    })
    .await;
    hands
        .tell(match found {
            Ok(document) => Command::ConcludeDiagnosis { diagnosis: id, document: Arc::new(document) },
            Err(error) => Command::FailDiagnosis { diagnosis: id, error },
        })
        .await;
}
