SELECT p.id, p.name, p.born, p.ward, m.drug, m.dose || ' ' || m.dose_unit AS dose
FROM patients p LEFT JOIN medications m ON m.patient = p.id
WHERE p.id = ?1 ORDER BY m.id
