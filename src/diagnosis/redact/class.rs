//! What an identifier is an identifier of.

/// A kind of identifier: the eighteen of the Safe Harbor method (45 CFR 164.514(b)(2)(i)), in the order of their letters where
/// one of ours is one of theirs, and secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is named by its token")]
pub enum Class {
    Name,
    /// Part of an address or a place smaller than a state.
    Address,
    Zip,
    Date,
    /// Over 89 years.
    Age,
    Phone,
    Fax,
    Email,
    Ssn,
    Mrn,
    /// Of a health plan: member, subscriber, group, policy.
    Plan,
    Account,
    /// Certificates and licences.
    Licence,
    Vehicle,
    Device,
    Url,
    Ip,
    Biometric,
    Photo,
    /// Any other number or code that is one person's.
    Id,
    /// What opens something: passwords, tokens, keys.
    Secret,
    /// What a pattern of the platform file found: its place among them.
    Own(u8),
}

impl Class {
    /// All that are built in.
    pub const ALL: [Self; 21] = [
        Self::Name,
        Self::Address,
        Self::Zip,
        Self::Date,
        Self::Age,
        Self::Phone,
        Self::Fax,
        Self::Email,
        Self::Ssn,
        Self::Mrn,
        Self::Plan,
        Self::Account,
        Self::Licence,
        Self::Vehicle,
        Self::Device,
        Self::Url,
        Self::Ip,
        Self::Biometric,
        Self::Photo,
        Self::Id,
        Self::Secret,
    ];

    /// As it stands in the brackets of a token.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::Address => "ADDRESS",
            Self::Zip => "ZIP",
            Self::Date => "DATE",
            Self::Age => "AGE",
            Self::Phone => "PHONE",
            Self::Fax => "FAX",
            Self::Email => "EMAIL",
            Self::Ssn => "SSN",
            Self::Mrn => "MRN",
            Self::Plan => "PLAN",
            Self::Account => "ACCOUNT",
            Self::Licence => "LICENCE",
            Self::Vehicle => "VEHICLE",
            Self::Device => "DEVICE",
            Self::Url => "URL",
            Self::Ip => "IP",
            Self::Biometric => "BIOMETRIC",
            Self::Photo => "PHOTO",
            Self::Id => "ID",
            Self::Secret => "SECRET",
            Self::Own(_) => "OWN",
        }
    }

    /// Whether one that was found says that the text is about a person.
    pub(super) fn tells_of_a_person(self) -> bool {
        !matches!(self, Self::Url | Self::Ip | Self::Secret | Self::Device | Self::Own(_))
    }

    /// Which of two that overlap names what is taken out: the more specific.
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::Own(_) => 0,
            Self::Secret => 1,
            Self::Ssn | Self::Email => 2,
            Self::Mrn | Self::Plan | Self::Account | Self::Licence | Self::Vehicle | Self::Device => 3,
            Self::Phone | Self::Fax | Self::Biometric | Self::Photo => 4,
            Self::Date | Self::Age | Self::Ip => 5,
            Self::Address => 6,
            Self::Zip | Self::Name => 7,
            Self::Url | Self::Id => 8,
        }
    }
}
