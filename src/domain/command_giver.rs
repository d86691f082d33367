//! Who may give a command at all: people, or the engine and its policies alone. Each command is named, so that a new one cannot
//! be open to everybody because nobody thought of it.

use super::Command;

impl Command {
    /// Whether only the engine and its policies may give it.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        match self {
            Self::DeclareIncident { .. }
            | Self::AcknowledgeIncident { .. }
            | Self::NoteIncident { .. }
            | Self::AssignIncident { .. }
            | Self::EscalateIncident { .. }
            | Self::SetIncidentSeverity { .. }
            | Self::ResolveIncident { .. }
            | Self::CloseIncident { .. }
            | Self::CloseIncidentOwing { .. }
            | Self::ReopenIncident { .. }
            | Self::MergeIncident { .. }
            | Self::LinkIncident { .. }
            | Self::UpdateStakeholders { .. }
            | Self::WritePostMortem { .. }
            | Self::CompletePostMortem { .. }
            | Self::AddActionItem { .. }
            | Self::ChangeActionItem { .. }
            | Self::FinishActionItem { .. }
            | Self::RequestDiagnosis { .. }
            | Self::CancelSecondOpinion { .. }
            | Self::JudgeDiagnosis { .. }
            | Self::ProposeArticle { .. }
            | Self::EditArticle { .. }
            | Self::ImportArticle { .. }
            | Self::ConfirmArticle { .. }
            | Self::RetireArticle { .. }
            | Self::RequestSnapshot { .. }
            | Self::PinSnapshot { .. }
            | Self::RequestProof { .. }
            | Self::ApplyRetention
            | Self::Replicate
            | Self::RepairVault
            | Self::RequestRollback(_)
            | Self::RequestAction { .. }
            | Self::CancelRecovery { .. }
            | Self::UndoRecovery { .. }
            | Self::SubmitChange { .. }
            | Self::SubmitStandardChange { .. }
            | Self::ReviseChange { .. }
            | Self::ApproveChange { .. }
            | Self::RejectChange { .. }
            | Self::RevokeApproval { .. }
            | Self::WithdrawChange { .. }
            | Self::ImplementChange { .. }
            | Self::StopChange { .. }
            | Self::ValidateChange { .. }
            | Self::ReviewChange { .. }
            | Self::DelegateApproval { .. }
            | Self::EndDelegation { .. }
            | Self::OverrideOnCall { .. }
            | Self::EndOverride { .. }
            | Self::MakeTemplate { .. }
            | Self::SuspendTemplate { .. }
            | Self::BreakGlass { .. }
            | Self::ExecuteUnderBreakGlass { .. }
            | Self::EndBreakGlass { .. }
            | Self::RevokeBreakGlass { .. }
            | Self::ReviewBreakGlass { .. }
            | Self::StartRun { .. }
            | Self::RebaseRun { .. }
            | Self::RunStep { .. }
            | Self::CoSignStep { .. }
            | Self::AnswerStep { .. }
            | Self::SkipStep { .. }
            | Self::MarkStepDone { .. }
            | Self::UndoStep { .. }
            | Self::ResolveUnknown { .. }
            | Self::CancelStep { .. }
            | Self::AbandonRun { .. }
            | Self::RecordDeployment { .. }
            | Self::AddOperator { .. }
            | Self::AddWithoutLogin { .. }
            | Self::AddAccount { .. }
            | Self::SetRoles { .. }
            | Self::DisableOperator { .. }
            | Self::EnableOperator { .. }
            | Self::AddKey { .. }
            | Self::RemoveKey { .. }
            | Self::RemoveSecondFactor
            | Self::ResetSecondFactor { .. }
            | Self::CreateToken { .. }
            | Self::RevokeToken { .. }
            | Self::IssueCertificate { .. }
            | Self::RevokeCertificate { .. }
            | Self::PurgePayloads { .. }
            | Self::LockSession
            | Self::UnlockSession
            | Self::SetAutomation { .. }
            | Self::HaltAutomation { .. }
            | Self::ReleaseAutomation
            | Self::StartMaintenance { .. }
            | Self::EndMaintenance { .. }
            | Self::PlanMaintenance { .. }
            | Self::WithdrawMaintenance { .. }
            | Self::ForceBreaker { .. }
            | Self::ResetBreaker { .. }
            | Self::ActivateFallback { .. }
            | Self::FinishFallbackStep { .. }
            | Self::EndFallback { .. }
            | Self::StartDrill { .. }
            | Self::AnswerDrill { .. }
            | Self::AbortDrill { .. }
            | Self::EndDrill { .. }
            | Self::ScheduleDrill { .. }
            | Self::UnscheduleDrill { .. } => false,
            Self::StartEngine { .. }
            | Self::StopEngine { .. }
            | Self::ReportClockStep { .. }
            | Self::ReportExport { .. }
            | Self::ReportLostCheckpoints { .. }
            | Self::WitnessCheckpoint { .. }
            | Self::RefuseCheckpoint { .. }
            | Self::LoadPlatform { .. }
            | Self::MakeFirstOperator { .. }
            | Self::RecoverSecondFactor { .. }
            | Self::EnrolSecondFactor { .. }
            | Self::RecordWrongCode { .. }
            | Self::RecordRecoveryCode { .. }
            | Self::RecordRefusal { .. }
            | Self::RecordBreaker { .. }
            | Self::AdvanceBreaker { .. }
            | Self::RecordVerdict(_)
            | Self::OpenIncident { .. }
            | Self::RecordErrors { .. }
            | Self::JudgeFunctions
            | Self::RemindOfFunction { .. }
            | Self::RunFor { .. }
            | Self::SetTask { .. }
            | Self::CallPeople { .. }
            | Self::HandOverIncident { .. }
            | Self::ReachLevel { .. }
            | Self::DraftDiagnosis { .. }
            | Self::ConcludeDiagnosis { .. }
            | Self::FailDiagnosis { .. }
            | Self::ProposeRemedy { .. }
            | Self::LearnFromIncident { .. }
            | Self::CountFix { .. }
            | Self::FinishSnapshot { .. }
            | Self::FailSnapshot { .. }
            | Self::RecordSnapshotCheck { .. }
            | Self::RecordTestRestore { .. }
            | Self::FailProof { .. }
            | Self::FinishPrune { .. }
            | Self::AdoptSnapshots { .. }
            | Self::ReportStream { .. }
            | Self::EndRepair { .. }
            | Self::EndReplication { .. }
            | Self::ObserveVersion { .. }
            | Self::BeginSafetySnapshot { .. }
            | Self::StartRecovery { .. }
            | Self::BeginAttempt { .. }
            | Self::FinishAttempt { .. }
            | Self::LoseAttempt { .. }
            | Self::RemindOfRun { .. }
            | Self::StartStep { .. }
            | Self::FinishStep { .. }
            | Self::FailStep { .. }
            | Self::EndRecovery { .. }
            | Self::RecordValidation { .. }
            | Self::EndWatch { .. }
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
            | Self::LapseDrill { .. }
            | Self::RemindOfDrill { .. } => true,
        }
    }
}
