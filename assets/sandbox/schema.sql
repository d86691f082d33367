PRAGMA page_size = 4096;
PRAGMA journal_mode = WAL;
CREATE TABLE patients (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    born TEXT NOT NULL,
    ward TEXT NOT NULL
);
CREATE TABLE medications (
    id      INTEGER PRIMARY KEY,
    patient INTEGER NOT NULL REFERENCES patients (id),
    drug    TEXT NOT NULL,
    dose    TEXT NOT NULL
);
CREATE INDEX medications_of_patient ON medications (patient);
CREATE TABLE notes (
    id      INTEGER PRIMARY KEY,
    patient INTEGER NOT NULL REFERENCES patients (id),
    text    TEXT NOT NULL
);
CREATE INDEX notes_of_patient ON notes (patient);
CREATE TABLE results (
    id      INTEGER PRIMARY KEY,
    patient INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    value   REAL NOT NULL,
    taken   INTEGER NOT NULL
);
CREATE INDEX results_of_patient ON results (patient, taken);
CREATE TABLE vitals (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    patient INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    value   REAL NOT NULL,
    taken   TEXT NOT NULL,
    request TEXT NOT NULL DEFAULT ''
);
CREATE INDEX vitals_of_request ON vitals (request);
CREATE TABLE heartbeat (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    beats INTEGER NOT NULL
);
INSERT INTO heartbeat VALUES (1, 0);
