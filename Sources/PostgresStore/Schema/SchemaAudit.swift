/// Who asked what.
enum SchemaAudit {
    /// Of each statement, whether it would change a row or not; also where triggers are off for replication. Whoever owns
    /// the table can take the trigger away, which is another statement than an ordinary one.
    static let tables = """
        CREATE TABLE audit (
          audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL, who text NOT NULL,
          role text NOT NULL, route text NOT NULL, object text, filters text NOT NULL, status integer NOT NULL,
          rows bigint, request_id text NOT NULL, address text NOT NULL);
        CREATE INDEX audit_who ON audit (who, audit_id);
        CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION 'the audit is only ever added to' USING ERRCODE = 'insufficient_privilege';
        END $$;
        CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
          FOR EACH STATEMENT EXECUTE FUNCTION audit_stays();
        ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_stays;
        """
}
