//! The texts in commands: what people and tools have written, in which there may be what must not be kept. Names of people, services,
//! components and places are none, as in `payload`.

use std::sync::Arc;

use super::{
    ArticleBody, AttemptEnd, AttemptResult, Captured, ChangeRequest, Command, DiagnosisDocument, Findings, KeptOutput,
    Message, StepAnswer, Treatment,
};

impl Command {
    /// Every text in it, for the redactor to read before anything is decided.
    pub fn texts_mut(&mut self) -> Vec<&mut String> {
        match self {
            Self::DeclareIncident { title: text, .. }
            | Self::NoteIncident { text, .. }
            | Self::EscalateIncident { reason: text, .. }
            | Self::SetIncidentSeverity { reason: text, .. }
            | Self::ResolveIncident { resolution: text, .. }
            | Self::CloseIncidentOwing { reason: text, .. }
            | Self::ReopenIncident { reason: text, .. }
            | Self::AddActionItem { what: text, .. }
            | Self::RequestSnapshot { reason: text, .. }
            | Self::RequestAction { reason: text, .. }
            | Self::CancelRecovery { reason: text, .. }
            | Self::UndoRecovery { reason: text, .. }
            | Self::SubmitStandardChange { reason: text, .. }
            | Self::ApproveChange { reason: text, .. }
            | Self::RejectChange { reason: text, .. }
            | Self::RevokeApproval { reason: text, .. }
            | Self::WithdrawChange { reason: text, .. }
            | Self::StopChange { reason: text, .. }
            | Self::ValidateChange { note: text, .. }
            | Self::ReviewChange { findings: text, .. }
            | Self::DelegateApproval { reason: text, .. }
            | Self::OverrideOnCall { reason: text, .. }
            | Self::EndOverride { reason: text, .. }
            | Self::SuspendTemplate { reason: text, .. }
            | Self::BreakGlass { reason: text, .. }
            | Self::RevokeBreakGlass { reason: text, .. }
            | Self::ReviewBreakGlass { findings: text, .. }
            | Self::RecordDeployment { note: text, .. }
            | Self::DisableOperator { reason: text, .. }
            | Self::EnableOperator { reason: text, .. }
            | Self::ResetSecondFactor { reason: text, .. }
            | Self::RecoverSecondFactor { reason: text, .. }
            | Self::PurgePayloads { reason: text, .. }
            | Self::HaltAutomation { reason: text }
            | Self::StartMaintenance { reason: text, .. }
            | Self::PlanMaintenance { reason: text, .. }
            | Self::ForceBreaker { reason: text, .. }
            | Self::ResetBreaker { reason: text, .. }
            | Self::RecordBreaker { reason: text, .. }
            | Self::SkipStep { reason: text, .. }
            | Self::MarkStepDone { reason: text, .. }
            | Self::UndoStep { reason: text, .. }
            | Self::ResolveUnknown { reason: text, .. }
            | Self::CancelStep { reason: text, .. }
            | Self::AbandonRun { reason: text, .. }
            | Self::ActivateFallback { reason: text, .. }
            | Self::EndFallback { note: text, .. }
            | Self::AbortDrill { reason: text, .. }
            | Self::StopEngine { reason: text }
            | Self::RetireArticle { reason: text, .. }
            | Self::SetTask { task: text, .. }
            | Self::FailDiagnosis { error: text, .. }
            | Self::FailSnapshot { error: text, .. }
            | Self::FailProof { error: text, .. }
            | Self::EndRepair { found: text, .. }
            | Self::FinishStep { output: text, .. }
            | Self::FailStep { error: text, .. }
            | Self::EndRecovery { summary: text, .. }
            | Self::EndWatch { reason: text, .. } => vec![text],
            Self::StartRun { inputs, .. } => inputs.values_mut().collect(),
            Self::AnswerStep { answer: StepAnswer::Text { value, .. } | StepAnswer::Value { value, .. }, .. } => {
                vec![value]
            }
            Self::FinishAttempt { result, .. } => of_result(result),
            Self::JudgeDiagnosis { cause, note, .. } => {
                cause.iter_mut().map(|cause| &mut cause.issue).chain([note]).collect()
            }
            Self::ProposeArticle { body, .. } | Self::EditArticle { body, .. } | Self::ImportArticle { body, .. } => {
                of_article(body)
            }
            Self::UpdateStakeholders { message, .. } => of_message(message),
            Self::WritePostMortem { findings, .. } => of_findings(findings),
            Self::RequestRollback(request) => vec![&mut request.reason],
            Self::SubmitChange { request, reason, .. } => of_request(request).into_iter().chain([reason]).collect(),
            Self::ReviseChange { request, reason, .. } => {
                request.iter_mut().filter_map(of_request).chain([reason]).collect()
            }
            Self::RecordVerdict(verdict) => vec![&mut verdict.reason],
            Self::CallPeople { notice } => vec![&mut notice.reason],
            Self::ReportExport { problem, .. }
            | Self::ReportStream { problem, .. }
            | Self::EndReplication { problem } => problem.iter_mut().collect(),
            Self::DraftDiagnosis { document, .. } | Self::ConcludeDiagnosis { document, .. } => {
                of_document(Arc::make_mut(document))
            }
            Self::FinishSnapshot { captured, .. } => captured.iter_mut().flat_map(of_captured).collect(),
            Self::AdoptSnapshots { found } => {
                found.iter_mut().flat_map(|found| of_captured(&mut found.captured)).collect()
            }
            Self::RecordSnapshotCheck { problems, .. } => problems.iter_mut().collect(),
            Self::RecordTestRestore { results, .. } => results.iter_mut().map(|result| &mut result.detail).collect(),
            Self::EndDrill { reason, reveal, .. } => {
                let residue = reveal.iter_mut().flat_map(|reveal| &mut Arc::make_mut(reveal).residue);
                std::iter::once(reason).chain(residue).collect()
            }
            Self::RecordValidation { criteria, .. } => criteria.iter_mut().map(|one| &mut one.found).collect(),
            // Reported errors were read where they are counted, as they are told apart by their texts.
            Self::RecordErrors { .. }
            | Self::AnswerStep { .. }
            | Self::RebaseRun { .. }
            | Self::RunStep { .. }
            | Self::CoSignStep { .. }
            | Self::BeginAttempt { .. }
            | Self::LoseAttempt { .. }
            | Self::RemindOfRun { .. }
            | Self::AcknowledgeIncident { .. }
            | Self::AssignIncident { .. }
            | Self::CloseIncident { .. }
            | Self::MergeIncident { .. }
            | Self::LinkIncident { .. }
            | Self::CompletePostMortem { .. }
            | Self::ChangeActionItem { .. }
            | Self::FinishActionItem { .. }
            | Self::RequestDiagnosis { .. }
            | Self::CancelSecondOpinion { .. }
            | Self::PinSnapshot { .. }
            | Self::RequestProof { .. }
            | Self::ApplyRetention
            | Self::Replicate
            | Self::RepairVault
            | Self::ImplementChange { .. }
            | Self::EndDelegation { .. }
            | Self::MakeTemplate { .. }
            | Self::ExecuteUnderBreakGlass { .. }
            | Self::EndBreakGlass { .. }
            | Self::AddOperator { .. }
            | Self::AddWithoutLogin { .. }
            | Self::AddAccount { .. }
            | Self::SetRoles { .. }
            | Self::AddKey { .. }
            | Self::RemoveKey { .. }
            | Self::RemoveSecondFactor
            | Self::CreateToken { .. }
            | Self::RevokeToken { .. }
            | Self::IssueCertificate { .. }
            | Self::RevokeCertificate { .. }
            | Self::LockSession
            | Self::UnlockSession
            | Self::SetAutomation { .. }
            | Self::ReleaseAutomation
            | Self::EndMaintenance { .. }
            | Self::WithdrawMaintenance { .. }
            | Self::AdvanceBreaker { .. }
            | Self::StartEngine { .. }
            | Self::ReportClockStep { .. }
            | Self::ReportLostCheckpoints { .. }
            | Self::WitnessCheckpoint { .. }
            | Self::RefuseCheckpoint { .. }
            | Self::LoadPlatform { .. }
            | Self::MakeFirstOperator { .. }
            | Self::EnrolSecondFactor { .. }
            | Self::RecordWrongCode { .. }
            | Self::RecordRecoveryCode { .. }
            | Self::RecordRefusal { .. }
            | Self::OpenIncident { .. }
            | Self::FinishFallbackStep { .. }
            | Self::JudgeFunctions
            | Self::RemindOfFunction { .. }
            | Self::RunFor { .. }
            | Self::HandOverIncident { .. }
            | Self::ReachLevel { .. }
            | Self::ProposeRemedy { .. }
            | Self::ConfirmArticle { .. }
            | Self::LearnFromIncident { .. }
            | Self::CountFix { .. }
            | Self::FinishPrune { .. }
            | Self::ObserveVersion { .. }
            | Self::BeginSafetySnapshot { .. }
            | Self::StartRecovery { .. }
            | Self::StartStep { .. }
            | Self::BreachClock { .. }
            | Self::RemindOfMilestone { .. }
            | Self::ExpireChange { .. }
            | Self::CloseChangeWindow { .. }
            | Self::LapseChangeReview { .. }
            | Self::LapseBreakGlass { .. }
            | Self::RemindOfReview { .. }
            | Self::LapseReview { .. }
            | Self::RemindOfUpdate { .. }
            | Self::LapsePostMortem { .. }
            | Self::LapseActionItem { .. }
            | Self::StartDrill { .. }
            | Self::AnswerDrill { .. }
            | Self::ScheduleDrill { .. }
            | Self::UnscheduleDrill { .. }
            | Self::LapseDrill { .. }
            | Self::RemindOfDrill { .. } => Vec::new(),
        }
    }
}

/// What is to be done by hand is a text; ids of templates and names of actions and services are none.
fn of_result(result: &mut AttemptResult) -> Vec<&mut String> {
    let why = match &mut result.end {
        AttemptEnd::Failed { why } | AttemptEnd::NotStarted { why } => Some(why),
        AttemptEnd::Passed | AttemptEnd::Warned | AttemptEnd::TimedOut | AttemptEnd::Cancelled => None,
    };
    let output = match &mut result.output {
        KeptOutput::Text { text, .. } => Some(text),
        KeptOutput::Nothing | KeptOutput::Hash { .. } => None,
    };
    let captured = result.captured.iter_mut().map(|found| &mut found.value);
    why.into_iter().chain(output).chain(captured).collect()
}

fn of_article(body: &mut ArticleBody) -> Vec<&mut String> {
    let ArticleBody { title, category: _, symptoms, fixes, procedure, prevention } = body;
    let by_hand = fixes.iter_mut().filter_map(|fix| match fix {
        Treatment::ByHand { text } => Some(text),
        Treatment::RollBack { .. } | Treatment::RunAction { .. } => None,
    });
    symptoms.words.iter_mut().chain(by_hand).chain([title, procedure, prevention]).collect()
}

fn of_message(message: &mut Message) -> Vec<&mut String> {
    let Message { text, conditions, actions, needs } = message;
    std::iter::once(text).chain([conditions, actions, needs].into_iter().flatten()).collect()
}

fn of_findings(findings: &mut Findings) -> Vec<&mut String> {
    let Findings { well, badly, lucky, lessons } = findings;
    [well, badly, lucky, lessons].into_iter().flatten().collect()
}

fn of_request(request: &mut ChangeRequest) -> Option<&mut String> {
    match request {
        ChangeRequest::Rollback(rollback) => Some(&mut rollback.reason),
        ChangeRequest::Action { .. } | ChangeRequest::Deploy { .. } => None,
    }
}

fn of_captured(captured: &mut Captured) -> std::slice::IterMut<'_, String> {
    captured.unreadable.iter_mut()
}

fn of_document(document: &mut DiagnosisDocument) -> Vec<&mut String> {
    let causes = document.candidates.iter_mut().flat_map(|found| {
        std::iter::once(&mut found.issue).chain(found.evidence.iter_mut().map(|evidence| &mut evidence.text))
    });
    let cause = &mut document.root_cause;
    let root = std::iter::once(&mut cause.issue).chain(cause.evidence.iter_mut().map(|evidence| &mut evidence.text));
    let second = document.second_opinion.iter_mut().flat_map(|second| {
        [&mut second.note, &mut second.explanation]
            .into_iter()
            .chain(&mut second.elsewhere)
            .chain(&mut second.not_known_here)
    });
    causes.chain(root).chain(second).collect()
}
