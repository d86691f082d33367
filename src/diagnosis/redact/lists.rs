//! Which words are names, and which are words. `assets/names/README.md` says where the lists come from.

use std::{collections::HashMap, sync::LazyLock};

const GIVEN: &str = include_str!("../../../assets/names/first.txt");
const FAMILY: &str = include_str!("../../../assets/names/last.txt");
const WORDS: &str = include_str!("../../../assets/names/words.txt");

/// What a word may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// A given name.
    pub(super) given: bool,
    /// A family name.
    pub(super) family: bool,
    /// A word of the language, or of operations.
    pub(super) word: bool,
}

impl Known {
    /// A name that is nothing else.
    pub(super) fn name(self) -> bool {
        (self.given || self.family) && !self.word
    }
}

/// Words of operations and medicine that stand capitalised in logs and in no list of common words.
const TERMS: &str = "api http https json xml sql url uri html css tcp udp dns tls ssl ssh ip id uuid guid cpu gpu ram os io \
    get put post patch delete head options select insert update where from into values set join null true false \
    info warn warning debug trace error fatal notice critical severe exception stack timeout async sync runtime \
    java python node kernel linux windows mac android ios apache nginx tomcat kafka redis postgres mysql oracle mongo \
    docker kubernetes pod cron daemon syslog auth oauth saml ldap jwt token cookie session cache proxy gateway \
    fhir hl7 pid obx obr msh adt oru orm dicom icd cpt loinc snomed rxnorm ehr emr phi hipaa mrn ssn dob npi dea \
    icu er ed ob gyn mri ct ecg ekg xray iv bp hr rr bmi hba1c cbc bmp cmp tsh psa covid flu hiv copd chf cad ckd dm htn \
    metformin lisinopril atorvastatin amlodipine omeprazole losartan albuterol gabapentin ibuprofen aspirin insulin \
    warfarin heparin amoxicillin prednisone sertraline cardiology oncology neurology pediatrics radiology orthopedics \
    dermatology psychiatry urology nephrology pulmonology gastroenterology endocrinology rheumatology hematology \
    monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun january february march april \
    may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec utc gmt \
    est pst cst am pm mr mrs ms miss dr prof md rn do np pa phd dds jr sr ii iii iv esq mme mlle herr frau \
    patient physician doctor nurse provider hospital clinic diabetes hypertension asthma pneumonia cancer allergy \
    medicare medicaid aetna cigna humana kaiser blue cross shield insurance copay deductible \
    backend frontend webhook dashboard login logout signup username password email hostname localhost admin admins \
    config configs yaml toml csv pdf png jpg jpeg gif svg zip tar gz log logs stderr stdout regex enum struct mutex \
    america american english spanish french german usa united states kingdom canada mexico europe africa asia \
    street avenue road drive lane boulevard court apt suite north south east west city county state country \
    diagnosis prognosis discharge admission inpatient outpatient vitals labs meds rx refill dosage followup telehealth \
    online offline metadata payload endpoint middleware serializer validator parser handler controller repository";

static LIST: LazyLock<HashMap<&'static str, Known>> = LazyLock::new(|| {
    let mut list: HashMap<&'static str, Known> = HashMap::with_capacity(64 << 10);
    for name in GIVEN.lines() {
        list.entry(name).or_default().given = true;
    }
    for name in FAMILY.lines() {
        list.entry(name).or_default().family = true;
    }
    for word in WORDS.lines().chain(TERMS.split_whitespace()) {
        list.entry(word).or_default().word = true;
    }
    list
});

/// What a word may be, whatever its case and its accents; the parts of a word with a hyphen speak for it.
pub(super) fn look_up(word: &str) -> Known {
    let folded = fold(word);
    if let Some(known) = LIST.get(folded.as_str()) {
        return *known;
    }
    if let Some((one, two)) = word.split_once('-').filter(|(one, two)| one.len() > 1 && two.len() > 1) {
        let (one, two) = (look_up(one), look_up(two));
        let word = one.word && two.word;
        return Known { given: (one.given || two.given) && !word, family: (one.family || two.family) && !word, word };
    }
    let Some(stem) = folded.strip_suffix('s').filter(|stem| word.contains(['\'', '’']) && stem.len() > 2) else {
        return Known::default();
    };
    LIST.get(stem).copied().unwrap_or_default()
}

/// Whether it is a word of the language or of operations, and no name.
pub(in crate::diagnosis) fn is_plain_word(word: &str) -> bool {
    let known = look_up(word);
    known.word && !known.given && !known.family
}

/// In small letters without accents, apostrophes and hyphens.
fn fold(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    for c in word.chars() {
        if c.is_ascii() {
            if c.is_ascii_alphanumeric() {
                folded.push(c.to_ascii_lowercase());
            }
            continue;
        }
        for c in c.to_lowercase() {
            folded.push_str(match c {
                'à'..='å' | 'ā' | 'ă' | 'ą' | 'ạ' | 'ả' | 'ấ'..='ặ' => "a",
                'æ' => "ae",
                'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
                'ď' | 'đ' | 'ð' => "d",
                'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' | 'ẹ'..='ệ' => "e",
                'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
                'ì'..='ï' | 'ĩ' | 'ī' | 'į' | 'ı' | 'ỉ' | 'ị' => "i",
                'ķ' => "k",
                'ĺ' | 'ļ' | 'ľ' | 'ł' => "l",
                'ñ' | 'ń' | 'ņ' | 'ň' => "n",
                'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' | 'ơ' | 'ọ'..='ợ' => "o",
                'œ' => "oe",
                'ŕ' | 'ř' => "r",
                'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
                'ß' => "ss",
                'ţ' | 'ť' | 'ț' => "t",
                'þ' => "th",
                'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'ư' | 'ụ'..='ự' => "u",
                'ý' | 'ÿ' | 'ỳ'..='ỹ' => "y",
                'ź' | 'ż' | 'ž' => "z",
                _ => "",
            });
        }
    }
    folded
}
