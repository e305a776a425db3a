-- What others reported is a record, not a read model: this service's log does not hold it, so no rebuild touches it and
-- nobody changes it afterwards. The originals are in the logs of those who reported.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON order_reports
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE order_reports ENABLE ALWAYS TRIGGER append_only;
