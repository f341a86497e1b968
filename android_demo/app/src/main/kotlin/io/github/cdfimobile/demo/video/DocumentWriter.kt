package io.github.cdfimobile.demo.video

import android.content.ContentResolver
import android.net.Uri
import android.provider.DocumentsContract
import android.util.Log
import io.github.cdfimobile.demo.system.Problem
import io.github.cdfimobile.demo.system.ProblemException
import java.io.File
import java.io.FileNotFoundException
import java.io.IOException

/** Brings a finished file to the document that the user made for it. */
internal class DocumentWriter(private val resolver: ContentResolver) {
    /**
     * Copies [file] into the document [uri].
     *
     * @throws ProblemException the document cannot be written, or there is no space for it.
     */
    fun copy(file: File, uri: Uri) {
        try {
            // "t": a document that was there before may be longer.
            val output = resolver.openOutputStream(uri, "wt")
                ?: throw FileNotFoundException("the provider of $uri gave nothing")
            output.use { into -> file.inputStream().use { it.copyTo(into) } }
        } catch (error: SecurityException) {
            throw ProblemException(Problem.CANNOT_WRITE, "no access to $uri", error)
        } catch (error: IOException) { // Problems finds a full disk among its causes
            throw ProblemException(Problem.CANNOT_WRITE, "$uri cannot be written", error)
        }
    }

    /** Removes the document that came to nothing, if its provider lets us. */
    fun remove(uri: Uri) {
        try {
            DocumentsContract.deleteDocument(resolver, uri)
        } catch (error: Exception) { // providers throw what they like; an empty file may stay
            Log.w(TAG, "cannot remove $uri", error)
        }
    }

    private companion object {
        const val TAG = "DocumentWriter"
    }
}
