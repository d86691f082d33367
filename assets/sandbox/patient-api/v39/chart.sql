SELECT p.id, p.name, p.born, p.ward, m.drug, '' AS dose
FROM patients p LEFT JOIN medications m ON m.patient = p.id
WHERE p.id = ?1 ORDER BY m.id
