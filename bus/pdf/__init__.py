"""PDF: signatures in attached PDFs, examined by pyHanko in a process that nothing depends on."""
