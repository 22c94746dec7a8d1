"""The jobs that are killed."""

import of_documents
import of_mail
import of_messages
import of_reports
import of_time

CASES = of_documents.CASES | of_messages.CASES | of_reports.CASES | of_mail.CASES | of_time.CASES
